//! The same key is the same order, however often and however fast it is asked.

use crate::stage::{HOUSE_BLEND, Stage, must};
use e2e::{answer::Answer, id, shopper::Shopper};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::collections::HashSet;

async fn place_once(shopper: &Shopper, key: &str, quantity: u32) -> Answer {
    let items = json!([{ "productId": HOUSE_BLEND, "quantity": quantity }]);
    let request = shopper
        .request(Method::POST, "/api/orders")
        .header("Idempotency-Key", key);
    let body = json!({ "items": items, "paymentMethod": "pm_ok" });
    must(Answer::of("placing an order", request.json(&body)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_requests_at_once_with_one_key_make_one_order() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let key = id::new().to_string();
    let answers = join_all((0..10).map(|_| place_once(&shopper, &key, 1))).await;
    let made: HashSet<&str> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .map(|answer| answer.body.as_str())
        .collect();
    assert_eq!(
        made.len(),
        1,
        "all who were told of an order were told of the same, in the same bytes"
    );
    assert!(
        answers
            .iter()
            .all(|answer| [StatusCode::CREATED, StatusCode::CONFLICT].contains(&answer.status))
    );
    let page = must(shopper.get("/api/orders").await).value();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
    let again = place_once(&shopper, &key, 1).await;
    assert!(made.contains(again.body.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_body_and_to_one_customer() {
    let stage = Stage::open().await;
    let (one, other) = (stage.shopper().await, stage.shopper().await);
    let key = id::new().to_string();
    let first = must(place_once(&one, &key, 1).await.expect(StatusCode::CREATED));
    must(place_once(&one, &key, 2).await.expect(StatusCode::UNPROCESSABLE_ENTITY));
    let second = must(place_once(&other, &key, 1).await.expect(StatusCode::CREATED));
    assert_ne!(first.value()["id"], second.value()["id"]);
    stage.everything_agrees().await;
}
