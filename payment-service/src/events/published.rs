//! What this service publishes. The promise to consumers is in `contracts/`.

use crate::store::Payment;
use serde::Serialize;
use uuid::Uuid;

/// `payment.completed`, `payment.refunded` and `payment.voided`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settled<'a> {
    /// The order.
    pub order_id: Uuid,
    /// The payment.
    pub payment_id: Uuid,
    /// How much was taken, given back, or never taken; 0 where the order ended before it was heard of.
    pub amount_minor: i64,
    /// ISO 4217; `XXX` where the order ended before it was heard of.
    pub currency: &'a str,
}

/// `payment.failed`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed<'a> {
    /// What was to be paid.
    #[serde(flatten)]
    pub payment: Settled<'a>,
    /// The provider's word for why it was not.
    pub reason: &'a str,
}

impl<'a> From<&'a Payment> for Settled<'a> {
    fn from(payment: &'a Payment) -> Self {
        let Payment {
            id,
            order_id,
            amount_minor,
            ref currency,
            ..
        } = *payment;
        Self {
            order_id,
            payment_id: id,
            amount_minor,
            currency,
        }
    }
}
