//! The events that this service publishes, each about an order. Their schemas are in `contracts/`.

use crate::{
    domain::{OrderId, PaymentId},
    store::Payment,
};
use messaging::Event;
use serde::Serialize;
use uuid::Uuid;

/// The types of the events below, for the tests that compare them with contracts and topology.
pub const TYPES: [&str; 4] = [
    PaymentCompleted::TYPE,
    PaymentFailed::TYPE,
    PaymentRefunded::TYPE,
    PaymentVoided::TYPE,
];

/// The data of every event of this service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentData<'a> {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    /// Amount in minor units; 0 if the order ended before `order.placed` arrived.
    pub amount_minor: i64,
    /// ISO 4217 code; `XXX` (no currency) if the order ended before `order.placed` arrived.
    pub currency: &'a str,
}

/// The provider has captured the amount.
#[derive(Debug, Serialize)]
pub struct PaymentCompleted<'a>(pub PaymentData<'a>);

/// The provider has declined the charge.
#[derive(Debug, Serialize)]
pub struct PaymentFailed<'a> {
    #[serde(flatten)]
    pub payment: PaymentData<'a>,
    /// The provider's reason for declining.
    pub reason: &'a str,
}

/// The order has ended, and the captured amount is refunded.
#[derive(Debug, Serialize)]
pub struct PaymentRefunded<'a>(pub PaymentData<'a>);

/// The order has ended, and nothing was or will be captured.
#[derive(Debug, Serialize)]
pub struct PaymentVoided<'a>(pub PaymentData<'a>);

impl Event for PaymentCompleted<'_> {
    const TYPE: &'static str = "payment.completed";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for PaymentFailed<'_> {
    const TYPE: &'static str = "payment.failed";

    fn subject(&self) -> Uuid {
        self.payment.order_id.uuid()
    }
}

impl Event for PaymentRefunded<'_> {
    const TYPE: &'static str = "payment.refunded";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl Event for PaymentVoided<'_> {
    const TYPE: &'static str = "payment.voided";

    fn subject(&self) -> Uuid {
        self.0.order_id.uuid()
    }
}

impl<'a> From<&'a Payment> for PaymentData<'a> {
    fn from(payment: &'a Payment) -> Self {
        Self {
            order_id: payment.order_id,
            payment_id: payment.id,
            amount_minor: payment.amount_minor,
            currency: &payment.currency,
        }
    }
}
