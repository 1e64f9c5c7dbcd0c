//! Lets things happen as the platform would, and writes down all that every witness then knows.

use crate::{
    checker::evidence::{
        Contact, Entry, Evidence, Key, Line, Mail, Movement, Notification, Order, Payment, Product, Published,
        Received, Stored, Told, User,
        clients::{Call, Outcome},
    },
    history::{Item, Request},
};
use chrono::{DateTime, Duration, Timelike, Utc};
use uuid::Uuid;

const CUSTOMER: Uuid = Uuid::from_u128(0xc1);
const PRODUCT: Uuid = Uuid::from_u128(0xd1);
/// Was there before the clients came.
const SEEDED: Uuid = Uuid::from_u128(0xd2);
const PRICE_MINOR: i64 = 500;
const SEEDED_PRICE_MINOR: i64 = 70;
const STOCK: i64 = 10;
const TOTAL_MINOR: i64 = 2 * PRICE_MINOR + SEEDED_PRICE_MINOR;
const EMAIL: &str = "ada@example.com";
const MAILED: [&str; 5] = [
    "order.confirmed",
    "order.shipped",
    "order.delivered",
    "order.failed",
    "order.cancelled",
];

/// The evidence so far, and the next free number.
pub(super) struct Story {
    evidence: Evidence,
    next: u128,
}

impl Story {
    pub(super) fn begin(evidence: Evidence) -> Self {
        let mut story = Self { evidence, next: 0x1000 };
        for product in [PRODUCT, SEEDED] {
            let shelf = Product {
                initial: STOCK,
                restocked: 0,
                available: STOCK,
                reserved: 0,
                sold: 0,
            };
            story.evidence.products.insert(product, shelf);
            story.moves(None, product, "initial", STOCK);
        }
        let request = Request::CreateProduct {
            name: "Cup".to_owned(),
            price_minor: PRICE_MINOR,
            stock: STOCK,
        };
        story.asks(None, request, Some((201, PRODUCT)));
        story
    }

    pub(super) fn end(self) -> Evidence {
        self.evidence
    }

    pub(super) fn registers_and_is_renamed(&mut self) {
        let (email, name) = (EMAIL.to_owned(), "Ada".to_owned());
        self.asks(Some(1), Request::Register { email, name }, Some((201, CUSTOMER)));
        self.asks(
            Some(1),
            Request::Rename {
                name: "Ada King".to_owned(),
            },
            Some((200, CUSTOMER)),
        );
        let (email, name) = (EMAIL.to_owned(), "Ada King".to_owned());
        self.evidence.users.insert(
            CUSTOMER,
            User {
                email: email.clone(),
                name: name.clone(),
            },
        );
        for (sequence, event_type, name) in [(1, "user.registered", "Ada"), (2, "user.updated", "Ada King")] {
            self.tells("user-service", event_type, CUSTOMER);
            let (email, name) = (email.clone(), name.to_owned());
            self.evidence.told.push(Told {
                user: CUSTOMER,
                sequence,
                email,
                name,
            });
        }
        self.evidence.contacts.insert(
            CUSTOMER,
            Contact {
                email,
                name,
                sequence: 2,
            },
        );
    }

    /// Paid, in stock, shipped and delivered.
    pub(super) fn delivered(&mut self) {
        let order = self.places("pm_ok", Some(201));
        let payment = self.pays(order);
        self.reserves(order);
        self.confirms(order);
        self.asks(None, Request::Ship { order }, Some((200, order)));
        self.tells("order-service", "order.shipped", order);
        self.asks(None, Request::Deliver { order }, Some((200, order)));
        self.tells("order-service", "order.delivered", order);
        self.becomes(order, ["delivered", "captured", "reserved", "none"]);
        self.settles(order, payment, "captured", None);
    }

    /// Its answer was never heard. The payment is declined, and what was reserved goes back.
    pub(super) fn declined(&mut self) {
        let order = self.places("pm_declined", None);
        let payment = self.id();
        self.evidence.provider.push(Entry::Decline {
            key: payment,
            reference: order,
        });
        self.tells("payment-service", "payment.failed", order);
        self.reserves(order);
        self.tells("order-service", "order.failed", order);
        self.tells("payment-service", "payment.voided", order);
        self.gives_back(order, "release");
        self.becomes(order, ["failed", "voided", "released", "done"]);
        self.settles(order, payment, "closed", None);
    }

    /// Confirmed, then cancelled: what was sold comes back, and so does the money.
    pub(super) fn cancelled(&mut self) {
        let order = self.places("pm_ok", Some(201));
        let payment = self.pays(order);
        self.reserves(order);
        self.confirms(order);
        self.asks(Some(1), Request::Cancel { order }, Some((200, order)));
        self.tells("order-service", "order.cancelled", order);
        let refund = self.id();
        self.evidence.provider.push(Entry::Refund {
            key: refund,
            charge_key: payment,
            reference: order,
            amount_minor: TOTAL_MINOR,
        });
        self.tells("payment-service", "payment.refunded", order);
        self.gives_back(order, "return");
        self.becomes(order, ["cancelled", "refunded", "released", "done"]);
        self.settles(order, payment, "refunded", Some(refund));
    }

    /// One order that is refused, and one whose request got lost.
    pub(super) fn asks_in_vain(&mut self) {
        let request = self.wish("pm_ok");
        self.asks(Some(1), request, Some((422, CUSTOMER)));
        let request = self.wish("pm_ok");
        self.asks(Some(1), request, None);
    }

    fn id(&mut self) -> Uuid {
        self.next += 1;
        Uuid::from_u128(self.next)
    }

    /// A second for each id.
    fn now(&self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.next).unwrap();
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + Duration::seconds(seconds)
    }

    fn asks(&mut self, customer: Option<u32>, request: Request, answer: Option<(u16, Uuid)>) {
        let at_ms = u64::try_from(self.evidence.clients.calls.len()).unwrap() * 10;
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

    fn wish(&mut self, payment_method: &str) -> Request {
        // The same product twice is one line of the order.
        let item = |product| Item { product, quantity: 1 };
        Request::Place {
            key: self.id(),
            items: vec![item(PRODUCT), item(SEEDED), item(PRODUCT)],
            payment_method: payment_method.to_owned(),
        }
    }

    fn places(&mut self, payment_method: &str, status: Option<u16>) -> Uuid {
        let order = self.id();
        let request = self.wish(payment_method);
        let Request::Place { key, .. } = &request else { panic!() };
        let text = key.to_string();
        self.evidence.keys.push(Key {
            user: CUSTOMER,
            text,
            order: Some(order),
        });
        self.asks(Some(1), request, status.map(|status| (status, order)));
        let line = |product, quantity, unit_price_minor| Line {
            product,
            quantity,
            unit_price_minor,
        };
        let row = Order {
            user: CUSTOMER,
            status: "placed".into(),
            payment: "none".into(),
            stock: "none".into(),
            compensation: "none".into(),
            payment_method: payment_method.into(),
            total_minor: TOTAL_MINOR,
            currency: "USD".into(),
            lines: vec![line(PRODUCT, 2, PRICE_MINOR), line(SEEDED, 1, SEEDED_PRICE_MINOR)],
        };
        self.evidence.orders.insert(order, row);
        self.tells("order-service", "order.placed", order);
        order
    }

    fn pays(&mut self, order: Uuid) -> Uuid {
        let payment = self.id();
        self.evidence.provider.push(Entry::Capture {
            key: payment,
            reference: order,
            amount_minor: TOTAL_MINOR,
            currency: "USD".to_owned(),
        });
        self.tells("payment-service", "payment.completed", order);
        self.tells("order-service", "order.payment_received", order);
        payment
    }

    fn settles(&mut self, order: Uuid, id: Uuid, state: &str, refund: Option<Uuid>) {
        let payment = Payment {
            id,
            state: state.into(),
            amount_minor: TOTAL_MINOR,
            currency: "USD".into(),
            refund,
        };
        self.evidence.payments.insert(order, payment);
    }

    fn reserves(&mut self, order: Uuid) {
        self.moves_all(order, "reserve");
        self.tells("product-service", "inventory.reserved", order);
    }

    fn confirms(&mut self, order: Uuid) {
        self.tells("order-service", "order.confirmed", order);
        self.moves_all(order, "sell");
        self.evidence.reservations.insert(order, "sold".into());
    }

    fn gives_back(&mut self, order: Uuid, kind: &str) {
        self.moves_all(order, kind);
        self.tells("product-service", "inventory.released", order);
        self.evidence.reservations.insert(order, "released".into());
    }

    fn moves_all(&mut self, order: Uuid, kind: &str) {
        for (product, quantity) in [(PRODUCT, 2), (SEEDED, 1)] {
            self.moves(Some(order), product, kind, quantity);
            let on_shelf = self.evidence.products.get_mut(&product).unwrap();
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

    fn moves(&mut self, order: Option<Uuid>, product: Uuid, kind: &str, quantity: i64) {
        let kind = kind.into();
        self.evidence.movements.push(Movement {
            product,
            order,
            kind,
            quantity,
        });
    }

    fn becomes(&mut self, order: Uuid, [status, payment, stock, compensation]: [&str; 4]) {
        let order = self.evidence.orders.get_mut(&order).unwrap();
        order.status = status.into();
        order.payment = payment.into();
        order.stock = stock.into();
        order.compensation = compensation.into();
    }

    /// Publishes, delivers, counts, and notifies whom it concerns.
    fn tells(&mut self, service: &'static str, event_type: &str, subject: Uuid) {
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
        let hour = i16::try_from(at.hour()).unwrap();
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
