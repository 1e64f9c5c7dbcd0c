//! An operator discards a charge or refund: no order is left waiting for it.

use crate::fixture::Fixture;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

/// Parks the order's open job, as a permanent failure would.
async fn park(fixture: &Fixture, order_id: Uuid) -> Uuid {
    let park = "update intents set parked_at = now(), due_at = 'infinity'
                where subject = $1 and done_at is null and lease is null and last_error is not null returning id";
    eventually("a job between two attempts", || async {
        sqlx::query_scalar(park)
            .bind(order_id)
            .fetch_optional(&fixture.service.database)
            .await
            .unwrap()
    })
    .await
}

/// Discards a job, and returns the status and the problem.
async fn discard(fixture: &Fixture, job: Uuid) -> (u16, Value) {
    let answer = fixture
        .service
        .operator(Method::POST, &format!("/internal/jobs/{job}/discard"))
        .json(&json!({ "reason": "a test" }));
    let answer = answer.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// The discard is refused, and the answer says what to do instead.
async fn assert_needed(fixture: &Fixture, job: Uuid) {
    let (status, problem) = discard(fixture, job).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("retry it"), "{problem}");
}

async fn retry(fixture: &Fixture, job: Uuid) {
    let retry = fixture
        .service
        .operator(Method::POST, &format!("/internal/jobs/{job}/retry"));
    assert_eq!(retry.send().await.unwrap().status(), 202);
}

#[tokio::test]
async fn a_charge_that_may_have_been_sent_cannot_be_discarded() {
    let mut fixture = Fixture::new().await;
    // The request is lost with it.
    fixture.provider.freeze();
    let order_id = fixture.place_order("pm_ok").await;
    fixture.wait_for_unknown_outcome(order_id).await;
    let job = park(&fixture, order_id).await;
    assert_needed(&fixture, job).await;

    fixture.provider.restart();
    retry(&fixture, job).await;
    fixture.wait_for("payment.completed", order_id).await;
}

#[tokio::test]
async fn discarding_a_charge_that_was_never_sent_declines_the_payment() {
    let mut fixture = Fixture::new().await;
    fixture.provider.kill();
    let order_id = fixture.place_order("pm_ok").await;
    fixture.wait_for_unsent(order_id).await;
    let job = park(&fixture, order_id).await;
    let (status, problem) = discard(&fixture, job).await;
    assert_eq!(status, 204, "{problem}");
    let failed = fixture.wait_for("payment.failed", order_id).await;
    assert_eq!(failed.data["reason"], "charge_discarded");
    assert_eq!(fixture.state(order_id).await.as_deref(), Some("declined"));

    fixture.publish("order.failed", order_id).await;
    fixture.wait_for("payment.voided", order_id).await;
    fixture.provider.restart();
    assert_eq!(fixture.provider.log_of(order_id), []);
}

#[tokio::test]
async fn a_refund_that_is_owed_cannot_be_discarded() {
    let mut fixture = Fixture::new().await;
    let order_id = fixture.place_order("pm_ok").await;
    fixture.wait_for("payment.completed", order_id).await;
    fixture.provider.kill();
    fixture.publish("order.cancelled", order_id).await;
    fixture.wait_for_state(order_id, "refunding").await;
    let job = park(&fixture, order_id).await;
    assert_needed(&fixture, job).await;

    fixture.provider.restart();
    retry(&fixture, job).await;
    fixture.wait_for("payment.refunded", order_id).await;
}
