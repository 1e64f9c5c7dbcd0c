//! The join of payment and stock, with real events through the broker.

use crate::fixture::{Fixture, participant_event, problem};
use testkit::EventProbe;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payment_then_stock_confirms_in_two_steps() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    fixture.publish("payment.completed", placed.id).await;
    fixture.probe.wait_for("order.payment_received", placed.id).await;
    assert_eq!(fixture.order(&placed).await["status"], "payment_received");
    fixture.publish("inventory.reserved", placed.id).await;
    fixture.probe.wait_for("order.confirmed", placed.id).await;
    assert_eq!(fixture.order(&placed).await["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_then_payment_publishes_both_events_at_once() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    fixture.publish("inventory.reserved", placed.id).await;
    fixture.until(&placed, "stock", "reserved").await;
    assert_eq!(fixture.written(placed.id).await, ["order.placed"]);
    let cause = fixture.publish("payment.completed", placed.id).await;
    let received = fixture.probe.wait_for("order.payment_received", placed.id).await;
    let confirmed = fixture.probe.wait_for("order.confirmed", placed.id).await;
    assert_eq!(
        (&received.data["status"], &confirmed.data["status"]),
        (&"payment_received".into(), &"confirmed".into())
    );
    assert_eq!(received.metadata.sequence + 1, confirmed.metadata.sequence);
    for event in [received, confirmed] {
        assert_eq!(event.metadata.causation_id, cause.metadata.event_id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_or_rejection_fails_the_order_with_its_reason() {
    let mut fixture = Fixture::new().await;
    for (bad, good, reason, back) in [
        (
            "payment.failed",
            "inventory.reserved",
            "payment_declined",
            "payment.voided",
        ),
        (
            "inventory.rejected",
            "payment.completed",
            "stock_rejected",
            "payment.refunded",
        ),
    ] {
        for good_first in [true, false] {
            let placed = fixture.place().await;
            let order = if good_first { [good, bad] } else { [bad, good] };
            for event_type in order {
                let event = fixture.publish(event_type, placed.id).await;
                fixture.until_consumed(&[&event]).await;
            }
            let failed = fixture.probe.wait_for("order.failed", placed.id).await;
            assert_eq!(failed.data["reason"], reason);
            assert_eq!(fixture.order(&placed).await["compensation"], "pending");
            fixture.publish(back, placed.id).await;
            fixture.publish("inventory.released", placed.id).await;
            let end = fixture.until(&placed, "compensation", "done").await;
            assert_eq!((&end["status"], &end["reason"]), (&"failed".into(), &reason.into()));
            assert_eq!(fixture.written(placed.id).await.last().unwrap(), "order.failed");
        }
    }
}

/// The same event twice, and the same fact in a new event, change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_and_repetitions_have_no_effect() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    let payment = fixture.publish("payment.completed", placed.id).await;
    fixture.probe.wait_for("order.payment_received", placed.id).await;
    fixture.probe.publish(&payment).await;
    let again = fixture.publish("payment.completed", placed.id).await;
    let stock = fixture.publish("inventory.reserved", placed.id).await;
    fixture.probe.wait_for("order.confirmed", placed.id).await;
    fixture.probe.publish(&stock).await;
    let late = fixture.publish("inventory.rejected", placed.id).await;
    fixture.until_consumed(&[&again, &late]).await;
    assert_eq!(
        fixture.written(placed.id).await,
        ["order.placed", "order.payment_received", "order.confirmed"]
    );
    assert_eq!(fixture.order(&placed).await["stock"], "reserved");
    let counted = testkit::eventually("the duplicates to be counted", || async {
        let status = fixture.service.status().await;
        status.to_string().contains("\"duplicates\":2").then_some(())
    });
    counted.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_answers_after_failure_are_recorded_without_an_event() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    fixture.publish("inventory.rejected", placed.id).await;
    fixture.probe.wait_for("order.failed", placed.id).await;
    fixture.publish("payment.completed", placed.id).await;
    fixture.until(&placed, "payment", "captured").await;
    let order = fixture.order(&placed).await;
    assert_eq!(
        (&order["status"], &order["compensation"]),
        (&"failed".into(), &"pending".into())
    );
    assert_eq!(fixture.written(placed.id).await, ["order.placed", "order.failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impossible_and_malformed_events_become_dead_letters() {
    let mut fixture = Fixture::new().await;
    let unknown_order = fixture.publish("payment.completed", kernel::id::new()).await;
    assert!(fixture.dead_letter(&unknown_order).await.contains("no order"));

    let placed = fixture.confirmed().await;
    let unrequested = fixture.publish("payment.refunded", placed.id).await;
    assert!(fixture.dead_letter(&unrequested).await.contains("cannot come"));
    assert_eq!(fixture.order(&placed).await["payment"], "captured");

    let broken = EventProbe::event(
        "payment-service",
        "payment.failed",
        placed.id,
        1,
        &serde_json::json!({ "orderId": 1 }),
    );
    fixture.probe.publish(&broken).await;
    assert!(fixture.dead_letter(&broken).await.contains("payment.failed"));

    // A type without a handler has no effect, and is no error.
    let other = participant_event("payment.audited", placed.id);
    fixture.probe.publish(&other).await;
    fixture.until_consumed(&[&other]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_the_work() {
    let mut fixture = Fixture::new().await;
    let second = fixture.another_instance().await;
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(fixture.place().await);
    }
    for placed in &orders {
        fixture.publish("payment.completed", placed.id).await;
        fixture.publish("inventory.reserved", placed.id).await;
    }
    for placed in &orders {
        fixture.probe.wait_for("order.confirmed", placed.id).await;
        let expected = ["order.placed", "order.payment_received", "order.confirmed"];
        assert_eq!(fixture.written(placed.id).await, expected);
    }
    for service in [&fixture.service, &second] {
        let status = service.status().await;
        let handled = status["consumer"]["handled"].as_u64().unwrap();
        assert!(handled > 0, "one instance did nothing: {status}");
    }
    // Either answers for the orders and the keys of both.
    let path = format!("/api/orders/{}", orders[0].id);
    assert_eq!(
        second.get(&path, &orders[0].identity).send().await.unwrap().status(),
        200
    );
    let (_, identity) = fixture.customer();
    let post = |service: &testkit::TestService| {
        service
            .post("/api/orders", &identity)
            .header("Idempotency-Key", "k")
            .json(&fixture.request())
            .send()
    };
    let (first, other) = (post(&fixture.service).await.unwrap(), post(&second).await.unwrap());
    assert_eq!((first.status().as_u16(), other.status().as_u16()), (201, 201));
    assert_eq!(first.bytes().await.unwrap(), other.bytes().await.unwrap());
    let mut another = fixture.request();
    another["paymentMethod"] = "pm_declined".into();
    let refused = second
        .post("/api/orders", &identity)
        .header("Idempotency-Key", "k")
        .json(&another)
        .send()
        .await
        .unwrap();
    problem(refused, 422).await;
}
