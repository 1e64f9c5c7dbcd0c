//! Each payment method of the sandbox provider, and a provider that goes away.

use crate::support::{World, start_service};
use shared::id;

fn capture() -> Vec<(String, i64)> {
    vec![("capture".to_owned(), 5998)]
}

#[tokio::test]
async fn whatever_the_provider_does_the_outcome_is_found_out() {
    let mut world = World::new().await;
    for payment_method in ["pm_ok", "pm_slow", "pm_flaky", "pm_cut", "pm_stall"] {
        let order_id = world.place(payment_method).await;
        world.probe.wait_for("payment.completed", order_id).await;
        assert_eq!(world.provider.log_of(order_id), capture(), "{payment_method}");
        assert_eq!(world.written(order_id).await, ["payment.completed"], "{payment_method}");
    }
    for (payment_method, reason) in [
        ("pm_declined", "card_declined"),
        ("pm_of_somebody", "unknown_payment_method"),
    ] {
        let order_id = world.place(payment_method).await;
        let failed = world.probe.wait_for("payment.failed", order_id).await;
        assert_eq!(failed.data["reason"], reason, "{payment_method}");
    }
    assert_eq!(world.dead_letters().await, 0);
}

#[tokio::test]
async fn refunds_work_for_charges_whose_answer_was_lost() {
    let mut world = World::new().await;
    for payment_method in ["pm_cut", "pm_stall"] {
        let order_id = world.place(payment_method).await;
        world.probe.wait_for("payment.completed", order_id).await;
        world.tell("order.cancelled", order_id).await;
        world.probe.wait_for("payment.refunded", order_id).await;
        let kinds: Vec<_> = world
            .provider
            .log_of(order_id)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(kinds, ["capture", "refund"], "{payment_method}");
    }
}

#[tokio::test]
async fn a_provider_that_was_away_is_asked_when_it_is_back() {
    let mut world = World::new().await;
    let refund = world.place("pm_ok").await;
    world.probe.wait_for("payment.completed", refund).await;
    world.provider.kill();
    let charge = world.place("pm_ok").await;
    world.tell("order.cancelled", refund).await;
    world.wait_for_a_try(charge).await;
    world.wait_for_a_try(refund).await;
    assert_eq!(world.state(charge).await.as_deref(), Some("charging"));
    assert_eq!(world.state(refund).await.as_deref(), Some("refunding"));
    let status = world.service.status().await;
    let waiting: Vec<_> = status["payments"]["unsettled"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["state"])
        .collect();
    assert_eq!(waiting, ["charging", "refunding"], "{status}");

    world.provider.restart();
    world.probe.wait_for("payment.completed", charge).await;
    world.probe.wait_for("payment.refunded", refund).await;
    assert_eq!(world.provider.log_of(charge), capture());
}

#[tokio::test]
async fn two_instances_share_the_work_and_charge_each_order_once() {
    let mut world = World::new().await;
    let second = start_service(&world.bed, &world.provider).await;
    let mut orders = Vec::new();
    for number in 0..30 {
        let order_id = id::new();
        let event = crate::support::placed(order_id, if number % 3 == 0 { "pm_declined" } else { "pm_ok" });
        world.probe.publish(&event).await;
        world.probe.publish(&event).await;
        orders.push((number, order_id));
    }
    for (number, order_id) in orders {
        let answer = if number % 3 == 0 {
            "payment.failed"
        } else {
            "payment.completed"
        };
        world.probe.wait_for(answer, order_id).await;
        assert_eq!(world.written(order_id).await, [answer]);
        assert_eq!(world.provider.log_of(order_id).len(), 1);
    }
    second.stop().await;
}
