//! Each payment method of the sandbox provider, and a provider that is unavailable for a while.

use crate::fixture::{Fixture, order_placed};
use kernel::id;

fn capture() -> Vec<(String, i64)> {
    vec![("capture".to_owned(), 5998)]
}

#[tokio::test]
async fn every_payment_method_reaches_its_definite_outcome() {
    let mut fixture = Fixture::new().await;
    for payment_method in ["pm_ok", "pm_slow", "pm_flaky", "pm_cut", "pm_stall"] {
        let order_id = fixture.place_order(payment_method).await;
        fixture.wait_for("payment.completed", order_id).await;
        assert_eq!(fixture.provider.log_of(order_id), capture(), "{payment_method}");
        assert_eq!(
            fixture.published(order_id).await,
            ["payment.completed"],
            "{payment_method}"
        );
    }
    for (payment_method, reason) in [("pm_declined", "card_declined"), ("pm_other", "unknown_payment_method")] {
        let order_id = fixture.place_order(payment_method).await;
        let failed = fixture.wait_for("payment.failed", order_id).await;
        assert_eq!(failed.data["reason"], reason, "{payment_method}");
    }
    assert_eq!(fixture.dead_letters().await, 0);
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_refunded() {
    let mut fixture = Fixture::new().await;
    for payment_method in ["pm_cut", "pm_stall"] {
        let order_id = fixture.place_order(payment_method).await;
        fixture.wait_for("payment.completed", order_id).await;
        fixture.publish("order.cancelled", order_id).await;
        fixture.wait_for("payment.refunded", order_id).await;
        let kinds: Vec<_> = fixture
            .provider
            .log_of(order_id)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(kinds, ["capture", "refund"], "{payment_method}");
    }
}

#[tokio::test]
async fn charges_and_refunds_wait_for_an_unavailable_provider() {
    let mut fixture = Fixture::new().await;
    let refund = fixture.place_order("pm_ok").await;
    fixture.wait_for("payment.completed", refund).await;
    fixture.provider.kill();
    let charge = fixture.place_order("pm_ok").await;
    fixture.publish("order.cancelled", refund).await;
    fixture.wait_for_unsent(charge).await;
    fixture.wait_for_unsent(refund).await;
    assert_eq!(fixture.state(charge).await.as_deref(), Some("charging"));
    assert_eq!(fixture.state(refund).await.as_deref(), Some("refunding"));
    let status = fixture.service.status().await;
    let waiting: Vec<_> = status["payments"]["unsettled"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["state"])
        .collect();
    assert_eq!(waiting, ["charging", "refunding"], "{status}");

    fixture.provider.restart();
    fixture.wait_for("payment.completed", charge).await;
    fixture.wait_for("payment.refunded", refund).await;
    assert_eq!(fixture.provider.log_of(charge), capture());
}

#[tokio::test]
async fn two_instances_charge_each_order_once() {
    let mut fixture = Fixture::new().await;
    let second = fixture.second_instance().await;
    let mut orders = Vec::new();
    for number in 0..30 {
        let order_id = id::new();
        let event = order_placed(order_id, if number % 3 == 0 { "pm_declined" } else { "pm_ok" });
        fixture.probe.publish(&event).await;
        fixture.probe.publish(&event).await;
        orders.push((number, order_id));
    }
    for (number, order_id) in orders {
        let answer = if number % 3 == 0 {
            "payment.failed"
        } else {
            "payment.completed"
        };
        fixture.wait_for(answer, order_id).await;
        assert_eq!(fixture.published(order_id).await, [answer]);
        assert_eq!(fixture.provider.log_of(order_id).len(), 1);
    }
    second.stop().await;
}
