//! What an order does to the stock, without any database or broker: the table of the saga's stock side.

pub mod currency;
pub mod product;

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, num::NonZeroU32};
use uuid::Uuid;

/// What this service knows of an order. Each order has one row, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum State {
    /// Nothing yet.
    None,
    /// Its pieces are held.
    Reserved,
    /// Its pieces were not there.
    Rejected,
    /// Its pieces are sold.
    Sold,
    /// It ended before anything was held.
    Closed,
    /// It ended, and what was held or sold is back in stock.
    Released,
}

/// What can be learned about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `order.placed`, with what was ordered.
    Placed(Vec<Item>),
    /// `order.confirmed`.
    Confirmed,
    /// `order.failed` or `order.cancelled`.
    Ended,
    /// `order.compensation_requested`: the order has ended, and order-service still waits for our answer.
    CompensationRequested,
}

/// What is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: it is known already, or came too late.
    Nothing,
    /// Hold the items, or reject the order: [`reserve`] says which.
    Reserve(Vec<Item>),
    /// The reservation becomes a sale.
    Sell,
    /// Nothing is held; say so, and remember that the order has ended.
    Close,
    /// What is held goes back to stock.
    Release,
    /// What was sold goes back to stock.
    Return,
    /// Answer `inventory.released` again.
    Repeat,
    /// Cannot happen while everyone keeps the rules: a person must look.
    Impossible,
}

/// The table: what a fact means in a state.
#[expect(clippy::match_same_arms, reason = "the arms are the cells of the table, row by row")]
pub fn on(state: State, fact: Fact) -> Decision {
    use State::{Closed, None, Rejected, Released, Reserved, Sold};
    match (fact, state) {
        (Fact::Placed(items), None) => Decision::Reserve(items),
        (Fact::Placed(_), Reserved | Rejected | Sold | Closed | Released) => Decision::Nothing,

        // order-service confirms only after our `inventory.reserved`.
        (Fact::Confirmed, None | Rejected) => Decision::Impossible,
        (Fact::Confirmed, Reserved) => Decision::Sell,
        (Fact::Confirmed, Sold | Closed | Released) => Decision::Nothing,

        (Fact::Ended | Fact::CompensationRequested, None | Rejected) => Decision::Close,
        (Fact::Ended | Fact::CompensationRequested, Reserved) => Decision::Release,
        (Fact::Ended | Fact::CompensationRequested, Sold) => Decision::Return,
        (Fact::Ended, Closed | Released) => Decision::Nothing,
        (Fact::CompensationRequested, Closed | Released) => Decision::Repeat,
    }
}

/// Some pieces of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The product.
    pub product_id: Uuid,
    /// How many; at least 1.
    pub quantity: i64,
}

/// One entry for each product, in the order of their ids, which is the order in which they are locked.
pub fn merge(lines: impl IntoIterator<Item = (Uuid, NonZeroU32)>) -> Vec<Item> {
    let mut quantities = BTreeMap::<Uuid, i64>::new();
    for (product_id, quantity) in lines {
        *quantities.entry(product_id).or_default() += i64::from(quantity.get());
    }
    quantities
        .into_iter()
        .map(|(product_id, quantity)| Item { product_id, quantity })
        .collect()
}

/// What is in stock of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shelf {
    /// The product.
    pub product_id: Uuid,
    /// Whether it may be sold.
    pub active: bool,
    /// How many are neither reserved nor sold.
    pub available: i64,
}

/// Why an order was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The gravest of the reasons.
    pub reason: Reason,
    /// What could not be had.
    pub missing: Vec<Missing>,
}

/// Why a product cannot be had, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Fewer are there than were ordered.
    OutOfStock,
    /// It is no longer sold.
    InactiveProduct,
    /// There is no such product.
    UnknownProduct,
}

/// A product that cannot be had in the ordered quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// The product.
    pub product_id: Uuid,
    /// How many were ordered.
    pub requested: i64,
    /// How many could have been had; 0 of what is unknown or inactive.
    pub available: i64,
}

/// Whether all items can be had. All or nothing.
pub fn reserve(items: &[Item], shelves: &[Shelf]) -> Result<(), Rejection> {
    let mut reasons = Vec::new();
    let mut missing = Vec::new();
    for item in items {
        let shelf = shelves.iter().find(|shelf| shelf.product_id == item.product_id);
        let (reason, available) = match shelf {
            None => (Reason::UnknownProduct, 0),
            Some(shelf) if !shelf.active => (Reason::InactiveProduct, 0),
            Some(shelf) if shelf.available < item.quantity => (Reason::OutOfStock, shelf.available),
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

/// A way for pieces to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Movement {
    /// From the shelf into a reservation.
    Reserve,
    /// From the reservation to the customer.
    Sell,
    /// From the reservation back to the shelf.
    Release,
    /// From a sale back to the shelf.
    Return,
}

/// How one moved piece changes the three numbers of its product. Their sum is 0: nothing is lost or invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Of `available`.
    pub available: i64,
    /// Of `reserved`.
    pub reserved: i64,
    /// Of `sold`.
    pub sold: i64,
}

impl Movement {
    /// How one piece that moves this way changes the numbers.
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

#[cfg(test)]
mod tests;
