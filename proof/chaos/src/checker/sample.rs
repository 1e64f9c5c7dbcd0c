//! A small platform at rest, in which everything is as it must be: one customer, two products and three orders, one
//! delivered, one failed because its payment was declined, one cancelled after it was confirmed.

mod story;

use super::evidence::{
    DeadLetter, Evidence, Setting,
    broker::{Binding, Queue},
};
use story::Story;
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

/// The whole of it.
pub(super) fn consistent() -> Evidence {
    let mut story = Story::begin(at_first());
    story.registers_and_is_renamed();
    story.delivered();
    story.declined();
    story.cancelled();
    story.asks_in_vain();
    story.end()
}

/// What is there before anything happens.
fn at_first() -> Evidence {
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

/// A dead letter that says `order.shipped` where it is an event.
pub(super) fn dead_letter(queue: &str, event_id: Option<Uuid>) -> DeadLetter {
    let body = event_id.map_or_else(
        || "rubbish".to_owned(),
        |id| format!(r#"{{"metadata":{{"eventId":"{id}"}}}}"#),
    );
    DeadLetter {
        id: Uuid::from_u128(0xdead),
        queue: queue.to_owned(),
        event_id,
        event_type: event_id.map(|_| "order.shipped".to_owned()),
        subject: None,
        body: body.into_bytes(),
        reason: "the message is not an event".to_owned(),
        attempts: 1,
        status: "waiting".into(),
    }
}
