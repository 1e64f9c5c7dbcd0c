//! What every witness writes down when something happens.

use super::{CUSTOMER, EMAIL, PRODUCT, SEEDED, Story};
use crate::{
    checker::evidence::{
        Mail, Movement, Notification, Published, Received, Stored,
        clients::{Call, Outcome},
    },
    history::Request,
};
use chrono::{DateTime, Duration, Timelike, Utc};
use uuid::Uuid;

const MAILED: [&str; 5] = [
    "order.confirmed",
    "order.shipped",
    "order.delivered",
    "order.failed",
    "order.cancelled",
];

impl Story {
    /// A second for each id.
    fn now(&self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.next).expect("a sample is short");
        DateTime::from_timestamp(1_800_000_000, 0).expect("a time in 2027") + Duration::seconds(seconds)
    }

    pub(super) fn asks(&mut self, customer: Option<u32>, request: Request, answer: Option<(u16, Uuid)>) {
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
            asked_ms: at_ms,
            customer,
            request,
            outcome,
        });
    }

    pub(super) fn moves_all(&mut self, order: Uuid, kind: &str) {
        for (product, quantity) in [(PRODUCT, 2), (SEEDED, 1)] {
            self.moves(Some(order), product, kind, quantity);
            let on_shelf = self
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
            on_shelf.available += available * quantity;
            on_shelf.reserved += reserved * quantity;
            on_shelf.sold += sold * quantity;
        }
    }

    pub(super) fn moves(&mut self, order: Option<Uuid>, product: Uuid, kind: &str, quantity: i64) {
        let kind = kind.into();
        self.evidence.movements.push(Movement {
            product,
            order,
            kind,
            quantity,
        });
    }

    /// Publishes, delivers, counts, and notifies whom it concerns.
    pub(super) fn tells(&mut self, service: &'static str, event_type: &str, subject: Uuid) {
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
            },
        );
        for consumer in consumers(event_type) {
            let received = Received {
                event_type: event_type.into(),
                source: service.into(),
                subject,
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
            self.notifies(id, event_type, subject);
        }
    }

    fn notifies(&mut self, event: Uuid, kind: &str, order: Uuid) {
        self.evidence.notifications.push(Notification {
            id: Uuid::from_u128(event.as_u128() << 32),
            event,
            kind: kind.into(),
            order,
            user: Some(CUSTOMER),
            mail: "sent".into(),
        });
        self.evidence.mails.push(Mail {
            file: format!("{event}.eml"),
            to: vec![EMAIL.to_owned()],
            message_id: format!("{event}@platform.local"),
        });
    }
}

/// Who reads it.
fn consumers(event_type: &str) -> Vec<&'static str> {
    let mut consumers = vec!["analytics-service"];
    let (entity, fact) = event_type.split_once('.').unwrap();
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
