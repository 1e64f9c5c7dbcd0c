//! I1 from the rows: each state has published its events, and no others.

use crate::{
    check::verdict::{Finding, require},
    collect::evidence::rows::Evidence,
};
use std::collections::HashMap;
use uuid::Uuid;

/// The events that a state must have published, and those that it may have published besides.
type Events = (&'static [&'static str], &'static [&'static str]);

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let published = evidence.types_by_subject("order-service");
    for (id, order) in &evidence.orders {
        has_published(
            finding,
            ("order", *id, &order.status),
            order_events(&order.status),
            &published,
        );
    }
    let published = evidence.types_by_subject("payment-service");
    for (order, payment) in &evidence.payments {
        let state = &payment.state;
        has_published(
            finding,
            ("payment of order", *order, state),
            payment_events(state),
            &published,
        );
    }
    let published = evidence.types_by_subject("product-service");
    for (order, state) in &evidence.reservations {
        has_published(
            finding,
            ("stock of order", *order, state),
            stock_events(state),
            &published,
        );
    }
    let published = evidence.types_by_subject("user-service");
    for id in evidence.users.keys() {
        let events: Events = (&["user.registered"], &["user.updated"]);
        has_published(finding, ("user", *id, "registered"), events, &published);
    }
}

fn has_published(
    finding: &mut Finding,
    (what, id, state): (&str, Uuid, &str),
    (required, allowed): Events,
    published: &HashMap<Uuid, Vec<&str>>,
) {
    let published = published.get(&id).map_or(&[][..], Vec::as_slice);
    for event_type in required {
        require!(
            finding,
            published.contains(event_type),
            "{what} {id} is {state}, and {event_type} was never published about it"
        );
    }
    for event_type in published {
        require!(
            finding,
            required.contains(event_type) || allowed.contains(event_type),
            "{what} {id} is {state}, and yet {event_type} was published about it"
        );
    }
}

/// The events of an order that is delivered in the end; each status has published a part of them.
const DELIVERED: [&str; 5] = [
    "order.placed",
    "order.payment_received",
    "order.confirmed",
    "order.shipped",
    "order.delivered",
];

fn order_events(status: &str) -> Events {
    match status {
        "placed" => (&DELIVERED[..1], &[]),
        "payment_received" => (&DELIVERED[..2], &[]),
        "confirmed" => (&DELIVERED[..3], &[]),
        "shipped" => (&DELIVERED[..4], &[]),
        "delivered" => (&DELIVERED, &[]),
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

fn payment_events(state: &str) -> Events {
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

fn stock_events(state: &str) -> Events {
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
    use crate::check::sample::{self, id_of};

    fn without(event_type: &str) -> u64 {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, event_type);
        for rows in evidence.messaging.values_mut() {
            rows.published.remove(&event);
        }
        check(&evidence).violations
    }

    #[test]
    fn a_missing_event_of_a_state_is_found() {
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
    fn an_event_that_a_state_forbids_is_found() {
        let mut evidence = sample::consistent();
        let order = sample::order(&evidence, "delivered");
        evidence.orders.get_mut(&order).unwrap().status = "confirmed".into();
        assert_eq!(check(&evidence).violations, 2);
    }
}
