//! The records that one event leaves with every service and client.

use super::scenario::{CUSTOMER, EMAIL, PRODUCT, SEEDED, Scenario};
use crate::{
    collect::evidence::{
        clients::{Call, Outcome},
        rows::{Movement, Notification, Published, Received, Stored},
    },
    history::Request,
};
use chrono::{DateTime, Duration, Timelike, Utc};
use platform_client::mail::Mail;
use uuid::Uuid;

const MAILED: [&str; 5] = [
    "order.confirmed",
    "order.shipped",
    "order.delivered",
    "order.failed",
    "order.cancelled",
];

impl Scenario {
    /// A hundredth of a second for each id.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let hundredths = i64::try_from(self.next).expect("a sample is short");
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time in 2027") + Duration::milliseconds(10 * hundredths)
    }

    pub(super) fn request(&mut self, customer: Option<u32>, request: Request, answer: Option<(u16, Uuid)>) {
        let at_ms = u64::try_from(self.evidence.clients.calls.len()).expect("a sample is short") * 10;
        let outcome = answer.map_or(Outcome::Unknown, |(status, id)| Outcome::Answered {
            at_ms: at_ms + 5,
            status,
            body: if status == 201 {
                format!(r#"{{"id":"{id}"}}"#)
            } else {
                String::new()
            },
        });
        self.evidence.clients.calls.push(Call {
            sent_ms: at_ms,
            customer,
            request,
            outcome,
        });
    }

    pub(super) fn move_all(&mut self, order: Uuid, kind: &str) {
        for (product, quantity) in [(PRODUCT, 2), (SEEDED, 1)] {
            self.move_pieces(Some(order), product, kind, quantity);
            let counters = self
                .evidence
                .products
                .get_mut(&product)
                .expect("the product is in the sample");
            let (available, reserved, sold) = match kind {
                "reserve" => (-1, 1, 0),
                "sell" => (0, -1, 1),
                "release" => (1, -1, 0),
                _ => (1, 0, -1),
            };
            counters.available += available * quantity;
            counters.reserved += reserved * quantity;
            counters.sold += sold * quantity;
        }
    }

    pub(super) fn move_pieces(&mut self, order: Option<Uuid>, product: Uuid, kind: &str, quantity: i64) {
        let kind = kind.into();
        self.evidence.movements.push(Movement {
            product,
            order,
            kind,
            quantity,
        });
    }

    /// Publishes an event: every consumer receives it, analytics counts it, and its customer is notified.
    pub(super) fn publish(&mut self, service: &'static str, event_type: &str, subject: Uuid) {
        let (id, at) = (self.id(), self.now());
        let rows = self.evidence.messaging.entry(service).or_default();
        let last = rows.sequences.entry(subject).or_default();
        *last += 1;
        let sequence = *last;
        rows.published.insert(
            id,
            Published {
                event_type: event_type.into(),
                subject,
                at,
                confirmed_at: at,
            },
        );
        for consumer in consumers(event_type) {
            let received = Received {
                event_type: event_type.into(),
                source: service.into(),
                subject,
                at,
            };
            self.evidence
                .messaging
                .entry(consumer)
                .or_default()
                .inbox
                .insert(id, received);
        }
        self.evidence.stored.push(Stored {
            event: id,
            event_type: event_type.into(),
            source: service.into(),
            subject,
            sequence,
            at,
        });
        let hour = i16::try_from(at.hour()).expect("an hour is less than 24");
        *self
            .evidence
            .counters
            .entry((at.date_naive(), hour, event_type.into()))
            .or_default() += 1;
        if MAILED.contains(&event_type) || event_type == "payment.refunded" {
            self.notify(id, event_type, subject);
        }
    }

    fn notify(&mut self, event: Uuid, kind: &str, order: Uuid) {
        self.evidence.notifications.push(Notification {
            id: Uuid::from_u128(event.as_u128() << 32),
            event,
            kind: kind.into(),
            order,
            user: Some(CUSTOMER),
            mail: "sent".into(),
        });
        self.evidence.mails.push(Mail {
            id: event.to_string(),
            subject: kind.to_owned(),
            to: vec![EMAIL.to_owned()],
            message_id: format!("{event}@platform.local"),
        });
    }
}

/// The services whose queues are bound to this event type.
fn consumers(event_type: &str) -> Vec<&'static str> {
    let mut consumers = vec!["analytics-service"];
    let (entity, fact) = event_type.split_once('.').expect("a type has two words");
    if matches!(entity, "order" | "user") || event_type == "payment.refunded" {
        consumers.push("notification-service");
    }
    match entity {
        "order" => consumers.push("product-service"),
        "payment" | "inventory" => consumers.push("order-service"),
        _ => {}
    }
    if entity == "order" && matches!(fact, "placed" | "failed" | "cancelled") {
        consumers.push("payment-service");
    }
    consumers
}
