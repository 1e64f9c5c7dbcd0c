//! Lets things happen as the platform would, and writes down all that every witness then knows.

mod witnesses;

use crate::{
    checker::evidence::{Contact, Entry, Evidence, Key, Line, Order, Payment, Product, Told, User},
    history::{Item, Request},
};
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
                available: STOCK,
                ..Product::default()
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

    fn becomes(&mut self, order: Uuid, [status, payment, stock, compensation]: [&str; 4]) {
        let order = self
            .evidence
            .orders
            .get_mut(&order)
            .expect("the order is in the sample");
        order.status = status.into();
        order.payment = payment.into();
        order.stock = stock.into();
        order.compensation = compensation.into();
    }
}
