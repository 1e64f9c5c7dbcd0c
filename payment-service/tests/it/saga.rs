//! The cells of the decision table, through real messages and a real provider.

use crate::fixture::{Fixture, order_placed, owner_of};
use kernel::id;
use serde_json::json;
use testkit::eventually;
use uuid::Uuid;

fn entries(kinds: &[&str]) -> Vec<(String, i64)> {
    kinds.iter().map(|kind| ((*kind).to_owned(), 5998)).collect()
}

#[tokio::test]
async fn a_duplicate_order_placed_charges_once() {
    let mut fixture = Fixture::new().await;
    let order_id = id::new();
    let event = order_placed(order_id, "pm_ok");
    fixture.probe.publish(&event).await;
    fixture.probe.publish(&event).await;
    let completed = fixture.wait_for("payment.completed", order_id).await;
    assert_eq!(completed.data["amountMinor"], 5998);
    assert_eq!(completed.metadata.correlation_id, event.metadata.correlation_id);

    let again = order_placed(order_id, "pm_ok");
    fixture.deliver(&again).await;
    assert_eq!(fixture.published(order_id).await, ["payment.completed"]);
    assert_eq!(fixture.provider.log_of(order_id), entries(&["capture"]));
}

#[tokio::test]
async fn an_order_that_ends_before_it_is_placed_is_never_charged() {
    let mut fixture = Fixture::new().await;
    for event_type in ["order.failed", "order.cancelled", "order.compensation_requested"] {
        let order_id = id::new();
        fixture.publish(event_type, order_id).await;
        let voided = fixture.wait_for("payment.voided", order_id).await;
        assert_eq!(
            (&voided.data["amountMinor"], &voided.data["currency"]),
            (&json!(0), &json!("XXX"))
        );

        let late = order_placed(order_id, "pm_ok");
        fixture.deliver(&late).await;
        assert_eq!(fixture.state(order_id).await.as_deref(), Some("closed"));

        fixture.publish("order.compensation_requested", order_id).await;
        let repeated = fixture.probe.wait_for_nth("payment.voided", order_id, 2).await;
        assert_ne!(repeated.metadata.event_id, voided.metadata.event_id);
        assert_eq!(repeated.data, voided.data);
        assert_eq!(fixture.provider.log_of(order_id), entries(&[]));
    }
}

#[tokio::test]
async fn an_ended_order_is_refunded_once() {
    let mut fixture = Fixture::new().await;
    for event_type in ["order.failed", "order.cancelled", "order.compensation_requested"] {
        let order_id = fixture.place_order("pm_ok").await;
        fixture.wait_for("payment.completed", order_id).await;
        fixture.publish(event_type, order_id).await;
        let refunded = fixture.wait_for("payment.refunded", order_id).await;
        assert_eq!(refunded.data["amountMinor"], 5998);

        let ignored = fixture.publish("order.failed", order_id).await;
        fixture.wait_for_inbox(&ignored).await;
        fixture.publish("order.compensation_requested", order_id).await;
        fixture.probe.wait_for_nth("payment.refunded", order_id, 2).await;
        let written = fixture.published(order_id).await;
        assert_eq!(written, ["payment.completed", "payment.refunded", "payment.refunded"]);
        assert_eq!(fixture.provider.log_of(order_id), entries(&["capture", "refund"]));
    }
}

/// A charge and a refund are jobs; the chain of causes goes past them, from event to event.
#[tokio::test]
async fn the_outcome_of_a_job_is_caused_by_the_event_that_asked_for_it() {
    let mut fixture = Fixture::new().await;
    let order_id = id::new();
    let placed = order_placed(order_id, "pm_ok");
    fixture.probe.publish(&placed).await;
    let completed = fixture.wait_for("payment.completed", order_id).await;
    assert_eq!(completed.metadata.causation_id, placed.metadata.event_id.to_string());
    let cancelled = fixture.publish("order.cancelled", order_id).await;
    let refunded = fixture.wait_for("payment.refunded", order_id).await;
    assert_eq!(refunded.metadata.causation_id, cancelled.metadata.event_id.to_string());
}

#[tokio::test]
async fn an_ended_order_whose_charge_was_declined_is_voided() {
    let mut fixture = Fixture::new().await;
    for event_type in ["order.failed", "order.cancelled", "order.compensation_requested"] {
        let order_id = fixture.place_order("pm_declined").await;
        let failed = fixture.wait_for("payment.failed", order_id).await;
        assert_eq!(failed.data["reason"], "card_declined");
        fixture.publish(event_type, order_id).await;
        let voided = fixture.wait_for("payment.voided", order_id).await;
        assert_eq!(voided.data["amountMinor"], 5998);
        assert_eq!(fixture.provider.log_of(order_id), entries(&["decline"]));
    }
}

#[tokio::test]
async fn an_order_that_ends_during_its_charge_is_refunded_or_voided() {
    let mut fixture = Fixture::new().await;
    // Both are captured or declined at once; the answer to the first comes too late for the service.
    let captured = fixture.place_order("pm_stall").await;
    fixture.wait_for_entries(captured, 1).await;
    fixture.publish("order.failed", captured).await;
    fixture.wait_for("payment.refunded", captured).await;
    assert_eq!(fixture.published(captured).await, ["payment.refunded"]);
    assert_eq!(fixture.provider.log_of(captured), entries(&["capture", "refund"]));

    fixture.provider.freeze();
    let declined = fixture.place_order("pm_declined").await;
    fixture.wait_for_unknown_outcome(declined).await;
    fixture.publish("order.compensation_requested", declined).await;
    fixture.wait_for_state(declined, "to_close").await;
    let more = fixture.publish("order.compensation_requested", declined).await;
    fixture.wait_for_inbox(&more).await;
    assert_eq!(fixture.state(declined).await.as_deref(), Some("to_close"));
    // It reads now what it was sent while it was frozen, the charge or the query first.
    fixture.provider.thaw();
    fixture.wait_for("payment.voided", declined).await;
    assert_eq!(fixture.published(declined).await, ["payment.voided"]);
}

#[tokio::test]
async fn a_charge_that_was_never_attempted_is_cancelled() {
    let mut fixture = Fixture::new().await;
    let order_id = id::new();
    insert_charge_due_in_an_hour(&fixture, order_id).await;
    fixture.publish("order.cancelled", order_id).await;
    let voided = fixture.wait_for("payment.voided", order_id).await;
    assert_eq!(voided.data["amountMinor"], 5998);
    let jobs: i64 = sqlx::query_scalar("select count(*) from intents where subject = $1")
        .bind(order_id)
        .fetch_one(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(jobs, 0);
    assert_eq!(fixture.provider.log_of(order_id), entries(&[]));
}

/// Inserts a charge that is due in an hour. A worker would claim one that is due within milliseconds.
async fn insert_charge_due_in_an_hour(fixture: &Fixture, order_id: Uuid) {
    let payment_id = id::new();
    sqlx::query(
        "insert into intents (id, kind, subject, payload, correlation_id, causation_id, due_at)
         values ($1, 'charge', $2, $3, 'test', 'test', now() + interval '1 hour')",
    )
    .bind(payment_id)
    .bind(order_id)
    .bind(json!({ "amountMinor": 5998, "currency": "USD", "paymentMethod": "pm_ok", "reference": order_id }))
    .execute(&fixture.service.database)
    .await
    .unwrap();
    sqlx::query(
        "insert into payments (id, order_id, user_id, state, amount_minor, currency, payment_method)
         values ($1, $2, $3, 'charging', 5998, 'USD', 'pm_ok')",
    )
    .bind(payment_id)
    .bind(order_id)
    .bind(owner_of(order_id))
    .execute(&fixture.service.database)
    .await
    .unwrap();
}

#[tokio::test]
async fn an_order_that_cannot_be_paid_becomes_a_dead_letter() {
    let fixture = Fixture::new().await;
    let order_id = id::new();
    let mut event = order_placed(order_id, "pm_ok");
    event.data["totalMinor"] = json!(0);
    fixture.probe.publish(&event).await;
    eventually("a dead letter", || async {
        (fixture.dead_letters().await == 1).then_some(())
    })
    .await;
    assert_eq!(fixture.state(order_id).await, None);
}
