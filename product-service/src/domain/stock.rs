//! Stock levels, and how the items of an order change them.

use super::ids::ProductId;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, num::NonZeroU32};

/// A quantity of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub product_id: ProductId,
    /// At least 1.
    pub quantity: i64,
}

/// Adds up the lines of each product. The items are in the order of their product ids, in which the products are locked.
pub fn merge(lines: impl IntoIterator<Item = (ProductId, NonZeroU32)>) -> Vec<Item> {
    let mut quantities = BTreeMap::<ProductId, i64>::new();
    for (product_id, quantity) in lines {
        *quantities.entry(product_id).or_default() += i64::from(quantity.get());
    }
    quantities
        .into_iter()
        .map(|(product_id, quantity)| Item { product_id, quantity })
        .collect()
}

/// The stock of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockLevel {
    pub product_id: ProductId,
    /// Inactive products are not sold.
    pub active: bool,
    /// Pieces that are neither reserved nor sold.
    pub available: i64,
}

/// The rejection of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The most severe of the reasons.
    pub reason: Reason,
    pub missing: Vec<Missing>,
}

kernel::text_enum! {
    /// A reason why a product is not available, the most severe last.
    pub enum Reason {
        /// The available quantity is below the requested one.
        OutOfStock = "out_of_stock",
        InactiveProduct = "inactive_product",
        UnknownProduct = "unknown_product",
    }
}

/// A product that is not available in the requested quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    pub product_id: ProductId,
    pub requested: i64,
    /// 0 for an unknown or inactive product.
    pub available: i64,
}

/// Checks that every item is available in full: an order is reserved as a whole or not at all.
pub fn check_availability(items: &[Item], levels: &[StockLevel]) -> Result<(), Rejection> {
    let mut reasons = Vec::new();
    let mut missing = Vec::new();
    for item in items {
        let level = levels.iter().find(|level| level.product_id == item.product_id);
        let (reason, available) = match level {
            None => (Reason::UnknownProduct, 0),
            Some(level) if !level.active => (Reason::InactiveProduct, 0),
            Some(level) if level.available < item.quantity => (Reason::OutOfStock, level.available),
            Some(_) => continue,
        };
        reasons.push(reason);
        missing.push(Missing {
            product_id: item.product_id,
            requested: item.quantity,
            available,
        });
    }
    match reasons.into_iter().max() {
        Some(reason) => Err(Rejection { reason, missing }),
        None => Ok(()),
    }
}

kernel::text_enum! {
    /// A movement of stock, as the ledger records it.
    pub enum Movement {
        /// From available to reserved.
        Reserve = "reserve",
        /// From reserved to sold.
        Sell = "sell",
        /// From reserved back to available.
        Release = "release",
        /// From sold back to available.
        Return = "return",
    }
}

/// The change of a product's three numbers by one moved piece. Their sum is 0: a movement conserves the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub available: i64,
    pub reserved: i64,
    pub sold: i64,
}

impl Movement {
    /// Returns the change by one piece that is moved.
    pub fn change(self) -> Change {
        let (available, reserved, sold) = match self {
            Self::Reserve => (-1, 1, 0),
            Self::Sell => (0, -1, 1),
            Self::Release => (1, -1, 0),
            Self::Return => (1, 0, -1),
        };
        Change {
            available,
            reserved,
            sold,
        }
    }
}
