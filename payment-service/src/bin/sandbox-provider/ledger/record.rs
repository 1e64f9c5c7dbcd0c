//! The lines of the log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A charge as a client requests it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Charge {
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
    pub(crate) payment_method: String,
    /// The client's own reference, such as an order's id.
    pub(crate) reference: String,
}

/// A refund as a client requests it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    /// Key of the charge, which is refunded in full or in part.
    pub(crate) charge_key: String,
    pub(crate) amount_minor: i64,
}

/// A charge that was captured or declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChargeRecord {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) charge: Charge,
    /// Reason for declining; absent if it was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// A refund that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundRecord {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) refund: Refund,
    /// Reference of the charge, so that a reader can add up without a join.
    pub(crate) reference: String,
    pub(crate) currency: String,
}

/// What is known under the key of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KnownCharge {
    /// It was captured or declined.
    Made(ChargeRecord),
    /// It was voided before it arrived, and never will be captured.
    Voided,
}

/// One line of the log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// Time at which the request was handled; absent in logs of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    pub(super) entry: Entry,
}

/// The content of a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Entry {
    Capture(ChargeRecord),
    Decline(ChargeRecord),
    Refund(RefundRecord),
    /// Nothing has moved, and nothing will under this key.
    Void {
        key: String,
    },
}
