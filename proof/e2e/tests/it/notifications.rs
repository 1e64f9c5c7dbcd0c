//! Customers are notified of every change of their orders, by mail and in their list.

use crate::fixture::{Fixture, cancel, confirmed_order, eventually, expect_ok, expect_status};
use platform_client::{answer::Answer, catalogue::SOLD_OUT, mail};
use reqwest::{Method, StatusCode};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_an_order_is_mailed_once_and_listed() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let delivered = confirmed_order(&customer).await;
    fixture.advance(delivered, "ship").await;
    fixture.advance(delivered, "deliver").await;
    let cancelled = confirmed_order(&customer).await;
    cancel(&customer, cancelled, StatusCode::OK).await;
    expect_ok(customer.place_order(SOLD_OUT, 1, "pm_declined").await);
    // confirmed ×2, shipped, delivered, cancelled, refunded, failed.
    let mails = eventually("seven mails", async || {
        let mails = expect_ok(mail::received_by(&fixture.platform, &customer.email).await);
        (mails.len() >= 7).then_some(mails)
    })
    .await;
    let distinct: BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!((mails.len(), distinct.len()), (7, 7), "{mails:?}");

    let page = expect_ok(customer.get("/api/notifications").await).value();
    let items = page["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), 7, "{page}");
    let path = format!("/api/notifications/{}/read", items[0]["id"].as_str().expect("an id"));
    let stranger = fixture.customer().await;
    expect_status(
        stranger.post(&path, &serde_json::json!({})).await,
        StatusCode::NOT_FOUND,
    );
    let read = expect_ok(Answer::patiently(customer.request(Method::POST, &path)).await);
    assert!(read.status.is_success(), "{read:?}");
    let page = expect_ok(customer.get("/api/notifications").await).value();
    assert!(page["items"][0]["readAt"].is_string(), "{page}");
}
