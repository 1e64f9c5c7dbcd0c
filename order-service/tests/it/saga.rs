//! The join of payment and stock, with real events through the broker.

use crate::support::{World, participant_event, problem};
use shared::testing::EventProbe;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payment_then_stock() {
    let mut world = World::new().await;
    let placed = world.place().await;
    world.tell("payment.completed", placed.id).await;
    world.probe.wait_for("order.payment_received", placed.id).await;
    assert_eq!(world.order(&placed).await["status"], "payment_received");
    world.tell("inventory.reserved", placed.id).await;
    world.probe.wait_for("order.confirmed", placed.id).await;
    assert_eq!(world.order(&placed).await["status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_then_payment_tells_both_at_once() {
    let mut world = World::new().await;
    let placed = world.place().await;
    world.tell("inventory.reserved", placed.id).await;
    world.until(&placed, "stock", "reserved").await;
    assert_eq!(world.written(placed.id).await, ["order.placed"]);
    let cause = world.tell("payment.completed", placed.id).await;
    let received = world.probe.wait_for("order.payment_received", placed.id).await;
    let confirmed = world.probe.wait_for("order.confirmed", placed.id).await;
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
async fn one_bad_answer_fails_the_order_with_its_reason() {
    let mut world = World::new().await;
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
            let placed = world.place().await;
            let order = if good_first { [good, bad] } else { [bad, good] };
            for event_type in order {
                let event = world.tell(event_type, placed.id).await;
                world.until_consumed(&[&event]).await;
            }
            let failed = world.probe.wait_for("order.failed", placed.id).await;
            assert_eq!(failed.data["reason"], reason);
            assert_eq!(world.order(&placed).await["compensation"], "pending");
            world.tell(back, placed.id).await;
            world.tell("inventory.released", placed.id).await;
            let end = world.until(&placed, "compensation", "done").await;
            assert_eq!((&end["status"], &end["reason"]), (&"failed".into(), &reason.into()));
            assert_eq!(world.written(placed.id).await.last().unwrap(), "order.failed");
        }
    }
}

/// The same event twice, and the same fact in a new event, change nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_and_repetitions_have_no_effect() {
    let mut world = World::new().await;
    let placed = world.place().await;
    let payment = world.tell("payment.completed", placed.id).await;
    world.probe.wait_for("order.payment_received", placed.id).await;
    world.probe.publish(&payment).await;
    let again = world.tell("payment.completed", placed.id).await;
    let stock = world.tell("inventory.reserved", placed.id).await;
    world.probe.wait_for("order.confirmed", placed.id).await;
    world.probe.publish(&stock).await;
    let late = world.tell("inventory.rejected", placed.id).await;
    world.until_consumed(&[&again, &late]).await;
    assert_eq!(
        world.written(placed.id).await,
        ["order.placed", "order.payment_received", "order.confirmed"]
    );
    assert_eq!(world.order(&placed).await["stock"], "reserved");
    let counted = shared::testing::eventually("the duplicates to be counted", || async {
        let status = world.service.status().await;
        status.to_string().contains("\"duplicates\":2").then_some(())
    });
    counted.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_facts_after_failure_are_recorded_and_nothing_is_told() {
    let mut world = World::new().await;
    let placed = world.place().await;
    world.tell("inventory.rejected", placed.id).await;
    world.probe.wait_for("order.failed", placed.id).await;
    world.tell("payment.completed", placed.id).await;
    world.until(&placed, "payment", "captured").await;
    let order = world.order(&placed).await;
    assert_eq!(
        (&order["status"], &order["compensation"]),
        (&"failed".into(), &"pending".into())
    );
    assert_eq!(world.written(placed.id).await, ["order.placed", "order.failed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_is_a_dead_letter() {
    let mut world = World::new().await;
    let nobodys = world.tell("payment.completed", shared::id::new()).await;
    assert!(world.dead_letter(&nobodys).await.contains("no order"));

    let placed = world.confirmed().await;
    let unasked = world.tell("payment.refunded", placed.id).await;
    assert!(world.dead_letter(&unasked).await.contains("cannot come"));
    assert_eq!(world.order(&placed).await["payment"], "captured");

    let broken = EventProbe::event(
        "payment-service",
        "payment.failed",
        placed.id,
        1,
        &serde_json::json!({ "orderId": 1 }),
    );
    world.probe.publish(&broken).await;
    assert!(world.dead_letter(&broken).await.contains("payment.failed"));

    // Of no interest, but no error either.
    let other = participant_event("payment.audited", placed.id);
    world.probe.publish(&other).await;
    world.until_consumed(&[&other]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_the_work() {
    let mut world = World::new().await;
    let second = world.another_instance().await;
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(world.place().await);
    }
    for placed in &orders {
        world.tell("payment.completed", placed.id).await;
        world.tell("inventory.reserved", placed.id).await;
    }
    for placed in &orders {
        world.probe.wait_for("order.confirmed", placed.id).await;
        let expected = ["order.placed", "order.payment_received", "order.confirmed"];
        assert_eq!(world.written(placed.id).await, expected);
    }
    for service in [&world.service, &second] {
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
    let (_, identity) = world.customer();
    let post = |service: &shared::testing::TestService| {
        service
            .post("/api/orders", &identity)
            .header("Idempotency-Key", "k")
            .json(&world.request())
            .send()
    };
    let (first, other) = (post(&world.service).await.unwrap(), post(&second).await.unwrap());
    assert_eq!((first.status().as_u16(), other.status().as_u16()), (201, 201));
    assert_eq!(first.bytes().await.unwrap(), other.bytes().await.unwrap());
    let mut another = world.request();
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
