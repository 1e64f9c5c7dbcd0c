//! A small consistent platform: one customer, two products and three orders, one delivered, one failed because its
//! payment was declined, one cancelled after it was confirmed.

mod recording;
mod scenario;

use super::verdict::Finding;
use crate::collect::evidence::{
    broker::{Binding, Queue},
    rows::{DeadLetter, Evidence, Messaging, Setting},
};
use scenario::Scenario;
use uuid::Uuid;

const BINDINGS: [(&str, &str); 10] = [
    ("order-queue", "payment.*"),
    ("order-queue", "inventory.*"),
    ("notification-queue", "order.*"),
    ("notification-queue", "user.*"),
    ("notification-queue", "payment.refunded"),
    ("inventory-queue", "order.*"),
    ("payment-queue", "order.placed"),
    ("payment-queue", "order.failed"),
    ("payment-queue", "order.cancelled"),
    ("analytics-queue", "#"),
];

/// The evidence of the consistent platform.
pub(super) fn consistent() -> Evidence {
    let mut scenario = Scenario::begin(initial());
    scenario.register_and_rename();
    scenario.delivered_order();
    scenario.declined_order();
    scenario.cancelled_order();
    scenario.unsuccessful_requests();
    scenario.end()
}

/// Counts the violations that a check finds in a doctored sample; in the consistent one it must find none.
pub(super) fn violations(check: fn(&Evidence) -> Finding, doctor: impl FnOnce(&mut Evidence)) -> u64 {
    let mut evidence = consistent();
    let finding = check(&evidence);
    assert_eq!(finding.violations, 0, "{:?}", finding.examples);
    doctor(&mut evidence);
    check(&evidence).violations
}

/// The messaging tables of a service.
pub(super) fn rows_of<'a>(evidence: &'a mut Evidence, service: &str) -> &'a mut Messaging {
    evidence
        .messaging
        .get_mut(service)
        .expect("the sample has this service")
}

/// The evidence before anything happens.
fn initial() -> Evidence {
    let mut evidence = Evidence::default();
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        evidence.settings.push(Setting {
            service: "order-service",
            name: name.to_owned(),
            value: "on".to_owned(),
        });
    }
    for (queue, pattern) in BINDINGS {
        evidence.broker.bindings.push(Binding {
            source: "platform-events".to_owned(),
            queue: queue.to_owned(),
            pattern: pattern.to_owned(),
        });
    }
    for name in ["order-queue", "order-queue.dlq"] {
        evidence.broker.queues.push(Queue {
            name: name.to_owned(),
            ready: Some(0),
            unacknowledged: Some(0),
        });
    }
    evidence
}

/// The first event of a type.
pub(super) fn id_of(evidence: &Evidence, event_type: &str) -> Uuid {
    let of_type = evidence
        .published()
        .filter(|(.., event)| &*event.event_type == event_type);
    of_type
        .map(|(_, id, _)| id)
        .min()
        .expect("the sample has an event of this type")
}

/// The order with this status.
pub(super) fn order(evidence: &Evidence, status: &str) -> Uuid {
    let mut orders = evidence.orders.iter().filter(|(_, order)| &*order.status == status);
    *orders.next().expect("the sample has an order with this status").0
}

/// A dead letter, with an `order.shipped` event if it has an id.
pub(super) fn dead_letter(queue: &str, event_id: Option<Uuid>) -> DeadLetter {
    let body = event_id.map_or_else(
        || "poison".to_owned(),
        |id| format!(r#"{{"metadata":{{"eventId":"{id}"}}}}"#),
    );
    DeadLetter {
        id: Uuid::from_u128(0xdead),
        queue: queue.to_owned(),
        event_id,
        event_type: event_id.map(|_| "order.shipped".to_owned()),
        body: body.into_bytes(),
        reason: "the message is not an event".to_owned(),
        attempts: 1,
    }
}
