//! The events published. Their promise to consumers is in `contracts/`.

use crate::domain::{
    ids::OrderId,
    stock::{Item, Missing, Reason},
};
use messaging::Event;
use serde::Serialize;
use uuid::Uuid;

/// Every type of event that this service publishes.
pub const TYPES: [&str; 3] = [
    InventoryReserved::TYPE,
    InventoryRejected::TYPE,
    InventoryReleased::TYPE,
];

/// All items of the order are held for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryReserved<'a> {
    pub order_id: OrderId,
    pub items: &'a [Item],
}

impl Event for InventoryReserved<'_> {
    const TYPE: &'static str = "inventory.reserved";

    fn subject(&self) -> Uuid {
        self.order_id.uuid()
    }
}

/// At least one item is not available, and nothing is held for the order.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryRejected<'a> {
    pub order_id: OrderId,
    /// The items ordered.
    pub items: &'a [Item],
    /// The most severe reason.
    pub reason: Reason,
    pub missing: &'a [Missing],
}

impl Event for InventoryRejected<'_> {
    const TYPE: &'static str = "inventory.rejected";

    fn subject(&self) -> Uuid {
        self.order_id.uuid()
    }
}

/// Nothing is held for the order, and nothing will be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryReleased<'a> {
    pub order_id: OrderId,
    /// The items that went back to stock; empty if nothing was held or sold.
    pub items: &'a [Item],
}

impl Event for InventoryReleased<'_> {
    const TYPE: &'static str = "inventory.released";

    fn subject(&self) -> Uuid {
        self.order_id.uuid()
    }
}
