//! What this service publishes. The promise to consumers is in `contracts/`.

use crate::domain::{Item, Missing, Reason};
use serde::Serialize;
use uuid::Uuid;

/// `inventory.reserved`: every item of the order is held for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reserved<'a> {
    /// The order.
    pub order_id: Uuid,
    /// What is held.
    pub items: &'a [Item],
}

/// `inventory.rejected`: nothing is held for the order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected<'a> {
    /// The order.
    pub order_id: Uuid,
    /// What was ordered.
    pub items: &'a [Item],
    /// The gravest reason.
    pub reason: Reason,
    /// What could not be had.
    pub missing: &'a [Missing],
}

/// `inventory.released`: nothing is held for the order any more.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Released<'a> {
    /// The order.
    pub order_id: Uuid,
    /// What went back to stock; empty where nothing was held.
    pub items: &'a [Item],
}
