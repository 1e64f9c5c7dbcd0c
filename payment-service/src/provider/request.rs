//! Request bodies. Each is also the payload of the job that sends it.

use crate::domain::{OrderId, PaymentId};
use serde::{Deserialize, Serialize};

/// A charge. Its idempotency key is the payment's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    pub payment_method: String,
    /// Reference under which the provider books the charge.
    pub reference: OrderId,
}

/// A refund of a charge's full amount. Its idempotency key is the refund's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// Idempotency key of the charge.
    pub charge_key: PaymentId,
    pub amount_minor: i64,
}
