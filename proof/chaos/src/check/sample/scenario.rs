//! The events of the sample, each with the records that all services, the provider and the clients make of it.

use crate::{
    collect::evidence::rows::{Contact, Evidence, Key, Order, OrderLine, Payment, Product, User, UserEvent},
    history::Request,
};
use platform_client::{
    api::Item,
    ledger::{Capture, Decline, Entry, Refund},
};
use uuid::Uuid;

pub(super) const CUSTOMER: Uuid = Uuid::from_u128(0xc1);
pub(super) const PRODUCT: Uuid = Uuid::from_u128(0xd1);
/// Existed before the clients.
pub(super) const SEEDED: Uuid = Uuid::from_u128(0xd2);
const PRICE_MINOR: i64 = 500;
const SEEDED_PRICE_MINOR: i64 = 70;
const STOCK: i64 = 10;
const TOTAL_MINOR: i64 = 2 * PRICE_MINOR + SEEDED_PRICE_MINOR;
pub(super) const EMAIL: &str = "ada@example.com";
/// The evidence so far, and the next free number.
pub(super) struct Scenario {
    pub(super) evidence: Evidence,
    pub(super) next: u128,
}

impl Scenario {
    pub(super) fn begin(evidence: Evidence) -> Self {
        let mut scenario = Self { evidence, next: 0x1000 };
        for product in [PRODUCT, SEEDED] {
            let stocked = Product {
                initial: STOCK,
                available: STOCK,
                ..Product::default()
            };
            scenario.evidence.products.insert(product, stocked);
            scenario.move_pieces(None, product, "initial", STOCK);
        }
        let request = Request::CreateProduct {
            name: "Cup".to_owned(),
            price_minor: PRICE_MINOR,
            stock: STOCK,
        };
        scenario.request(None, request, Some((201, PRODUCT)));
        scenario
    }

    pub(super) fn end(self) -> Evidence {
        self.evidence
    }

    pub(super) fn register_and_rename(&mut self) {
        let (email, name) = (EMAIL.to_owned(), "Ada".to_owned());
        self.request(Some(1), Request::Register { email, name }, Some((201, CUSTOMER)));
        self.request(
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
            self.publish("user-service", event_type, CUSTOMER);
            let (email, name) = (email.clone(), name.to_owned());
            self.evidence.user_events.push(UserEvent {
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
    pub(super) fn delivered_order(&mut self) {
        let order = self.place("pm_ok", Some(201));
        let payment = self.pay(order);
        self.reserve(order);
        self.confirm(order);
        self.request(None, Request::Ship { order }, Some((200, order)));
        self.publish("order-service", "order.shipped", order);
        self.request(None, Request::Deliver { order }, Some((200, order)));
        self.publish("order-service", "order.delivered", order);
        self.set_status(order, ["delivered", "captured", "reserved", "none"]);
        self.settle_payment(order, payment, "captured", None);
    }

    /// Its answer got lost. The payment is declined, and the reserved pieces are released.
    pub(super) fn declined_order(&mut self) {
        let order = self.place("pm_declined", None);
        let payment = self.id();
        self.evidence.provider.push(Entry::Decline(Decline {
            key: payment,
            reference: order,
        }));
        self.publish("payment-service", "payment.failed", order);
        self.reserve(order);
        self.publish("order-service", "order.failed", order);
        self.publish("payment-service", "payment.voided", order);
        self.give_back(order, "release");
        self.set_status(order, ["failed", "voided", "released", "done"]);
        self.settle_payment(order, payment, "closed", None);
    }

    /// Confirmed, then cancelled: the sold pieces are returned, and the money is refunded.
    pub(super) fn cancelled_order(&mut self) {
        let order = self.place("pm_ok", Some(201));
        let payment = self.pay(order);
        self.reserve(order);
        self.confirm(order);
        self.request(Some(1), Request::Cancel { order }, Some((200, order)));
        self.publish("order-service", "order.cancelled", order);
        let refund = self.id();
        self.evidence.provider.push(Entry::Refund(Refund {
            key: refund,
            charge_key: payment,
            reference: order,
            amount_minor: TOTAL_MINOR,
        }));
        self.publish("payment-service", "payment.refunded", order);
        self.give_back(order, "return");
        self.set_status(order, ["cancelled", "refunded", "released", "done"]);
        self.settle_payment(order, payment, "refunded", Some(refund));
    }

    /// One order that is refused, and one whose request got lost.
    pub(super) fn unsuccessful_requests(&mut self) {
        let request = self.order_request("pm_ok");
        self.request(Some(1), request, Some((422, CUSTOMER)));
        let request = self.order_request("pm_ok");
        self.request(Some(1), request, None);
    }

    pub(super) fn id(&mut self) -> Uuid {
        self.next += 1;
        Uuid::from_u128(self.next)
    }

    fn order_request(&mut self, payment_method: &str) -> Request {
        // The same product twice is one line of the order.
        let item = |product| Item { product, quantity: 1 };
        Request::Place {
            key: self.id(),
            items: vec![item(PRODUCT), item(SEEDED), item(PRODUCT)],
            payment_method: payment_method.to_owned(),
        }
    }

    fn place(&mut self, payment_method: &str, status: Option<u16>) -> Uuid {
        let order = self.id();
        let request = self.order_request(payment_method);
        let Request::Place { key, .. } = &request else { panic!() };
        let text = key.to_string();
        self.evidence.keys.push(Key {
            user: CUSTOMER,
            text,
            order: Some(order),
        });
        self.request(Some(1), request, status.map(|status| (status, order)));
        let line = |product, quantity, unit_price_minor| OrderLine {
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
        self.publish("order-service", "order.placed", order);
        order
    }

    fn pay(&mut self, order: Uuid) -> Uuid {
        let payment = self.id();
        self.evidence.provider.push(Entry::Capture(Capture {
            key: payment,
            reference: order,
            amount_minor: TOTAL_MINOR,
            currency: "USD".to_owned(),
            at: Some(self.now()),
        }));
        self.publish("payment-service", "payment.completed", order);
        self.publish("order-service", "order.payment_received", order);
        payment
    }

    fn settle_payment(&mut self, order: Uuid, id: Uuid, state: &str, refund: Option<Uuid>) {
        let payment = Payment {
            id,
            state: state.into(),
            amount_minor: TOTAL_MINOR,
            currency: "USD".into(),
            refund,
        };
        self.evidence.payments.insert(order, payment);
    }

    fn reserve(&mut self, order: Uuid) {
        self.move_all(order, "reserve");
        self.publish("product-service", "inventory.reserved", order);
    }

    fn confirm(&mut self, order: Uuid) {
        self.publish("order-service", "order.confirmed", order);
        self.move_all(order, "sell");
        self.evidence.reservations.insert(order, "sold".into());
    }

    fn give_back(&mut self, order: Uuid, kind: &str) {
        self.move_all(order, kind);
        self.publish("product-service", "inventory.released", order);
        self.evidence.reservations.insert(order, "released".into());
    }

    fn set_status(&mut self, order: Uuid, [status, payment, stock, compensation]: [&str; 4]) {
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
