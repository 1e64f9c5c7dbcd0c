//! The rows' side of I1: what the rows say has happened was told, and nothing else was.

use crate::checker::{Finding, evidence::Evidence};
use std::collections::HashMap;
use uuid::Uuid;

/// For a state, the events that must have been published about the order, and those that may have been besides.
type Story = (&'static [&'static str], &'static [&'static str]);

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let told = evidence.types_by_subject("order-service");
    for (id, order) in &evidence.orders {
        was_told(
            finding,
            ("order", *id, &order.status),
            order_story(&order.status),
            &told,
        );
    }
    let told = evidence.types_by_subject("payment-service");
    for (order, payment) in &evidence.payments {
        let state = &payment.state;
        was_told(
            finding,
            ("payment of order", *order, state),
            payment_story(state),
            &told,
        );
    }
    let told = evidence.types_by_subject("product-service");
    for (order, state) in &evidence.reservations {
        was_told(finding, ("stock of order", *order, state), stock_story(state), &told);
    }
    let told = evidence.types_by_subject("user-service");
    for id in evidence.users.keys() {
        let story: Story = (&["user.registered"], &["user.updated"]);
        was_told(finding, ("user", *id, "registered"), story, &told);
    }
}

fn was_told(
    finding: &mut Finding,
    (what, id, state): (&str, Uuid, &str),
    (required, allowed): Story,
    told: &HashMap<Uuid, Vec<&str>>,
) {
    let told = told.get(&id).map_or(&[][..], Vec::as_slice);
    for event_type in required {
        finding.expect(told.contains(event_type), || {
            format!("{what} {id} is {state}, and {event_type} was never published about it")
        });
    }
    for event_type in told {
        finding.expect(required.contains(event_type) || allowed.contains(event_type), || {
            format!("{what} {id} is {state}, and yet {event_type} was published about it")
        });
    }
}

fn order_story(status: &str) -> Story {
    match status {
        "placed" => (&["order.placed"], &[]),
        "payment_received" => (&["order.placed", "order.payment_received"], &[]),
        "confirmed" => (&["order.placed", "order.payment_received", "order.confirmed"], &[]),
        "shipped" => (
            &[
                "order.placed",
                "order.payment_received",
                "order.confirmed",
                "order.shipped",
            ],
            &[],
        ),
        "delivered" => (
            &[
                "order.placed",
                "order.payment_received",
                "order.confirmed",
                "order.shipped",
                "order.delivered",
            ],
            &[],
        ),
        "failed" => (
            &["order.placed", "order.failed"],
            &["order.payment_received", "order.compensation_requested"],
        ),
        "cancelled" => (
            &["order.placed", "order.cancelled"],
            &[
                "order.payment_received",
                "order.confirmed",
                "order.compensation_requested",
            ],
        ),
        _ => (&["a known status"], &[]),
    }
}

fn payment_story(state: &str) -> Story {
    match state {
        "none" | "charging" | "to_close" => (&[], &[]),
        "captured" => (&["payment.completed"], &[]),
        "declined" => (&["payment.failed"], &[]),
        "refunding" => (&[], &["payment.completed"]),
        "refunded" => (&["payment.refunded"], &["payment.completed"]),
        "closed" => (&["payment.voided"], &["payment.failed"]),
        _ => (&["a known state"], &[]),
    }
}

fn stock_story(state: &str) -> Story {
    match state {
        "none" => (&[], &[]),
        "reserved" | "sold" => (&["inventory.reserved"], &[]),
        "rejected" => (&["inventory.rejected"], &[]),
        "released" => (&["inventory.reserved", "inventory.released"], &[]),
        "closed" => (&["inventory.released"], &["inventory.rejected"]),
        _ => (&["a known state"], &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::checker::sample::{self, id_of};

    fn without(event_type: &str) -> u64 {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, event_type);
        for rows in evidence.messaging.values_mut() {
            rows.published.remove(&event);
        }
        check(&evidence).violations
    }

    #[test]
    fn what_the_rows_say_was_told() {
        for event_type in [
            "user.registered",
            "order.placed",
            "order.confirmed",
            "order.failed",
            "order.delivered",
            "payment.completed",
            "payment.refunded",
            "payment.voided",
            "inventory.reserved",
            "inventory.released",
        ] {
            assert_eq!(without(event_type), 1, "{event_type}");
        }
    }

    #[test]
    fn what_the_rows_do_not_say_was_not_told() {
        let mut evidence = sample::consistent();
        let order = sample::order(&evidence, "delivered");
        evidence.orders.get_mut(&order).unwrap().status = "confirmed".into();
        assert_eq!(check(&evidence).violations, 2);
    }
}
