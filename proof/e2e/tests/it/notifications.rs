//! Customers are told of every turn, by mail and in their list.

use crate::stage::{HOUSE_BLEND, PATIENCE, SOLD_OUT, Stage, eventually, must};
use e2e::mail;
use reqwest::{Method, StatusCode};
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn each_turn_of_an_order_is_mailed_once_and_listed() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let delivered = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    must(shopper.wait_for_status(delivered.id, "confirmed", PATIENCE).await);
    must(must(stage.admin.advance(delivered.id, "ship").await).expect(StatusCode::OK));
    must(must(stage.admin.advance(delivered.id, "deliver").await).expect(StatusCode::OK));
    let cancelled = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    must(shopper.wait_for_status(cancelled.id, "confirmed", PATIENCE).await);
    must(must(shopper.cancel(cancelled.id).await).expect(StatusCode::OK));
    must(shopper.order(SOLD_OUT, 1, "pm_declined").await);
    // confirmed ×2, shipped, delivered, cancelled, refunded, failed.
    let mails = eventually("seven mails", || async {
        let mails = must(mail::to(&stage.platform, &shopper.email).await);
        (mails.len() >= 7).then_some(mails)
    })
    .await;
    let distinct: BTreeSet<_> = mails.iter().map(|mail| &mail.message_id).collect();
    assert_eq!((mails.len(), distinct.len()), (7, 7), "{mails:?}");

    let page = must(shopper.get("/api/notifications").await).value();
    let items = page["items"].as_array().expect("a list").clone();
    assert_eq!(items.len(), 7, "{page}");
    let path = format!("/api/notifications/{}/read", items[0]["id"].as_str().expect("an id"));
    let stranger = stage.shopper().await;
    must(must(stranger.post(&path, &serde_json::json!({})).await).expect(StatusCode::NOT_FOUND));
    let read = must(e2e::answer::Answer::patiently("reading", shopper.request(Method::POST, &path)).await);
    assert!(read.status.is_success(), "{read:?}");
    let page = must(shopper.get("/api/notifications").await).value();
    assert!(page["items"][0]["readAt"].is_string(), "{page}");
}
