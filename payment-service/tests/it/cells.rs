//! The cells of the table that a message can reach, through real messages.

use crate::support::{World, owner_of, placed};
use serde_json::json;
use shared::{id, testing::eventually};
use uuid::Uuid;

fn entries(kinds: &[&str]) -> Vec<(String, i64)> {
    kinds.iter().map(|kind| ((*kind).to_owned(), 5998)).collect()
}

#[tokio::test]
async fn a_duplicate_charges_nothing_more() {
    let mut world = World::new().await;
    let order_id = id::new();
    let event = placed(order_id, "pm_ok");
    world.probe.publish(&event).await;
    world.probe.publish(&event).await;
    let completed = world.probe.wait_for("payment.completed", order_id).await;
    assert_eq!(completed.data["amountMinor"], 5998);
    assert_eq!(completed.metadata.correlation_id, event.metadata.correlation_id);

    let again = placed(order_id, "pm_ok");
    world.probe.publish(&again).await;
    world.wait_for_inbox(&again).await;
    assert_eq!(world.written(order_id).await, ["payment.completed"]);
    assert_eq!(world.provider.log_of(order_id), entries(&["capture"]));
}

#[tokio::test]
async fn an_end_that_comes_first_closes_for_good() {
    let mut world = World::new().await;
    for event_type in ["order.failed", "order.cancelled", "order.compensation_requested"] {
        let order_id = id::new();
        world.tell(event_type, order_id).await;
        let voided = world.probe.wait_for("payment.voided", order_id).await;
        assert_eq!(
            (&voided.data["amountMinor"], &voided.data["currency"]),
            (&json!(0), &json!("XXX"))
        );

        let late = placed(order_id, "pm_ok");
        world.probe.publish(&late).await;
        world.wait_for_inbox(&late).await;
        assert_eq!(world.state(order_id).await.as_deref(), Some("closed"));

        world.tell("order.compensation_requested", order_id).await;
        let repeated = world.probe.wait_for_nth("payment.voided", order_id, 2).await;
        assert_ne!(repeated.metadata.event_id, voided.metadata.event_id);
        assert_eq!(repeated.data, voided.data);
        assert_eq!(world.provider.log_of(order_id), entries(&[]));
    }
}

#[tokio::test]
async fn what_was_captured_goes_back_once() {
    let mut world = World::new().await;
    for event_type in ["order.failed", "order.cancelled", "order.compensation_requested"] {
        let order_id = world.place("pm_ok").await;
        world.probe.wait_for("payment.completed", order_id).await;
        world.tell(event_type, order_id).await;
        let refunded = world.probe.wait_for("payment.refunded", order_id).await;
        assert_eq!(refunded.data["amountMinor"], 5998);

        let ignored = world.tell("order.failed", order_id).await;
        world.wait_for_inbox(&ignored).await;
        world.tell("order.compensation_requested", order_id).await;
        world.probe.wait_for_nth("payment.refunded", order_id, 2).await;
        let written = world.written(order_id).await;
        assert_eq!(written, ["payment.completed", "payment.refunded", "payment.refunded"]);
        assert_eq!(world.provider.log_of(order_id), entries(&["capture", "refund"]));
    }
}

#[tokio::test]
async fn what_was_declined_is_voided() {
    let mut world = World::new().await;
    for event_type in ["order.failed", "order.cancelled", "order.compensation_requested"] {
        let order_id = world.place("pm_declined").await;
        let failed = world.probe.wait_for("payment.failed", order_id).await;
        assert_eq!(failed.data["reason"], "card_declined");
        world.tell(event_type, order_id).await;
        let voided = world.probe.wait_for("payment.voided", order_id).await;
        assert_eq!(voided.data["amountMinor"], 5998);
        assert_eq!(world.provider.log_of(order_id), entries(&["decline"]));
    }
}

#[tokio::test]
async fn an_order_that_ends_while_it_is_charged_keeps_no_money() {
    let mut world = World::new().await;
    // While the provider is away, nobody knows whether the charge went through.
    world.provider.kill();
    let captured = world.place("pm_ok").await;
    let declined = world.place("pm_declined").await;
    for order_id in [captured, declined] {
        world.wait_for_a_try(order_id).await;
    }
    world.tell("order.failed", captured).await;
    world.tell("order.compensation_requested", declined).await;
    for order_id in [captured, declined] {
        world.wait_for_state(order_id, "to_close").await;
        let more = world.tell("order.compensation_requested", order_id).await;
        world.wait_for_inbox(&more).await;
        assert_eq!(world.state(order_id).await.as_deref(), Some("to_close"));
    }
    world.provider.restart();

    world.probe.wait_for("payment.refunded", captured).await;
    assert_eq!(world.written(captured).await, ["payment.refunded"]);
    assert_eq!(world.provider.log_of(captured), entries(&["capture", "refund"]));
    world.probe.wait_for("payment.voided", declined).await;
    assert_eq!(world.written(declined).await, ["payment.voided"]);
    assert_eq!(world.provider.log_of(declined), entries(&["decline"]));
}

#[tokio::test]
async fn a_charge_that_was_never_sent_is_taken_back() {
    let mut world = World::new().await;
    let order_id = id::new();
    charging_in_an_hour(&world, order_id).await;
    world.tell("order.cancelled", order_id).await;
    let voided = world.probe.wait_for("payment.voided", order_id).await;
    assert_eq!(voided.data["amountMinor"], 5998);
    let intents: i64 = sqlx::query_scalar("select count(*) from intents where subject = $1")
        .bind(order_id)
        .fetch_one(&world.service.database)
        .await
        .unwrap();
    assert_eq!(intents, 0);
    assert_eq!(world.provider.log_of(order_id), entries(&[]));
}

#[tokio::test]
async fn a_charge_that_the_breaker_refused_is_taken_back() {
    let mut world = World::new().await;
    world.provider.kill();
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(world.place("pm_ok").await);
    }
    eventually("a charge that was not tried", || async {
        sqlx::query_scalar::<_, Uuid>(
            "select subject from intents where attempts = 0 and last_error like '%circuit%' limit 1",
        )
        .fetch_optional(&world.service.database)
        .await
        .unwrap()
    })
    .await;
    for order_id in orders {
        world.tell("order.cancelled", order_id).await;
    }
    // The provider is still away: for a charge that was tried, the service could not tell yet.
    let order_id = eventually("one to be closed", || async {
        sqlx::query_scalar::<_, Uuid>("select order_id from payments where state = 'closed' limit 1")
            .fetch_optional(&world.service.database)
            .await
            .unwrap()
    })
    .await;
    world.probe.wait_for("payment.voided", order_id).await;
    world.provider.restart();
    assert_eq!(world.written(order_id).await, ["payment.voided"]);
    assert_eq!(world.provider.log_of(order_id), entries(&[]));
}

/// A worker claims a charge within milliseconds; only one that is not due yet stays unsent.
async fn charging_in_an_hour(world: &World, order_id: Uuid) {
    let payment_id = id::new();
    sqlx::query(
        "insert into intents (id, kind, subject, payload, correlation_id, causation_id, due_at)
         values ($1, 'charge', $2, $3, 'test', 'test', now() + interval '1 hour')",
    )
    .bind(payment_id)
    .bind(order_id)
    .bind(json!({ "amountMinor": 5998, "currency": "USD", "paymentMethod": "pm_ok", "reference": order_id }))
    .execute(&world.service.database)
    .await
    .unwrap();
    sqlx::query(
        "insert into payments (id, order_id, user_id, state, amount_minor, currency, payment_method)
         values ($1, $2, $3, 'charging', 5998, 'USD', 'pm_ok')",
    )
    .bind(payment_id)
    .bind(order_id)
    .bind(owner_of(order_id))
    .execute(&world.service.database)
    .await
    .unwrap();
}

#[tokio::test]
async fn an_order_that_cannot_be_paid_is_a_dead_letter() {
    let world = World::new().await;
    let order_id = id::new();
    let mut event = placed(order_id, "pm_ok");
    event.data["totalMinor"] = json!(0);
    world.probe.publish(&event).await;
    shared::testing::eventually("a dead letter", || async {
        (world.dead_letters().await == 1).then_some(())
    })
    .await;
    assert_eq!(world.state(order_id).await, None);
}
