//! One idempotency key makes one order, however often and however fast it is sent.

use crate::fixture::{Fixture, expect_ok, expect_status};
use futures_util::future::join_all;
use platform_client::{
    HarnessError,
    answer::Answer,
    api::{ApiRequest, Item},
    catalogue::HOUSE_BLEND,
    client::TestClient,
    id,
};
use reqwest::StatusCode;
use std::collections::HashSet;
use uuid::Uuid;

async fn place_once(customer: &TestClient, key: Uuid, quantity: u32) -> Result<Answer, HarnessError> {
    let items = [Item {
        product: HOUSE_BLEND,
        quantity,
    }];
    let request = ApiRequest::place_order(Some(key), &items, Some("pm_ok"));
    customer.send_once(&request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_requests_at_once_with_one_key_make_one_order() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let key = id::new();
    let answers = join_all((0..10).map(|_| place_once(&customer, key, 1))).await;
    let answers: Vec<Answer> = answers.into_iter().map(expect_ok).collect();
    let created: HashSet<&str> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .map(|answer| answer.body.as_str())
        .collect();
    assert_eq!(created.len(), 1, "every 201 has the same order, in the same bytes");
    assert!(
        answers
            .iter()
            .all(|answer| [StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status))
    );
    let page = expect_ok(customer.get("/api/orders").await).value();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
    let again = expect_ok(place_once(&customer, key, 1).await);
    assert!(created.contains(again.body.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_body_and_to_one_customer() {
    let fixture = Fixture::open().await;
    let (one, other) = (fixture.customer().await, fixture.customer().await);
    let key = id::new();
    let first = expect_status(place_once(&one, key, 1).await, StatusCode::CREATED);
    expect_status(place_once(&one, key, 2).await, StatusCode::UNPROCESSABLE_ENTITY);
    let second = expect_status(place_once(&other, key, 1).await, StatusCode::CREATED);
    assert_ne!(first.value()["id"], second.value()["id"]);
    fixture.everything_agrees().await;
}
