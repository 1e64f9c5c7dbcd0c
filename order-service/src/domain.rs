//! The rules of an order, with no framework in sight: what may follow what, and what is told to others.
//!
//! Beside its status an order keeps two facts, what is known of its payment and of its stock, that only move forward.
//! [`Order::apply`] takes one input, whatever the order of their coming, and says which events follow from it.

pub mod basket;
mod order;

pub use order::{Order, Refusal};

use serde::{Deserialize, Serialize};

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; payment and stock are being asked.
    Placed,
    /// The payment is captured, the stock has not answered yet.
    PaymentReceived,
    /// Paid and sold.
    Confirmed,
    /// On its way; can no longer be cancelled.
    Shipped,
    /// Arrived.
    Delivered,
    /// Will not be fulfilled, because of payment, stock or the deadline.
    Failed,
    /// Taken back by its owner.
    Cancelled,
}

/// What is known of the payment. Moves only from a lower to a higher rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    /// Nothing yet.
    None,
    /// The money was taken.
    Captured,
    /// The provider refused.
    Declined,
    /// Closed with no money taken.
    Voided,
    /// The money was given back.
    Refunded,
}

/// What is known of the stock. Moves only from a lower to a higher rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stock {
    /// Nothing yet.
    None,
    /// All lines are held for this order.
    Reserved,
    /// Something was missing, nothing is held.
    Rejected,
    /// Closed with nothing held.
    Released,
}

/// Whether what a failed or cancelled order had taken was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compensation {
    /// There is nothing to give back.
    None,
    /// Payment or stock has not yet said that it gave back.
    Pending,
    /// Both have.
    Done,
}

/// Why an order failed or was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The provider refused the payment.
    PaymentDeclined,
    /// Not everything was in stock.
    StockRejected,
    /// Payment or stock did not answer in time.
    Deadline,
    /// The owner cancelled.
    CustomerRequest,
}

/// Everything that can happen to an order once it is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Input {
    /// The money was taken.
    PaymentCompleted,
    /// The provider refused the payment.
    PaymentFailed,
    /// The payment was closed with no money taken.
    PaymentVoided,
    /// The money was given back.
    PaymentRefunded,
    /// The stock is held.
    StockReserved,
    /// Something was missing in stock.
    StockRejected,
    /// Nothing is held any more.
    StockReleased,
    /// Its owner wants it no longer.
    Cancel,
    /// Payment or stock took too long.
    DeadlinePassed,
    /// It left the warehouse.
    Ship,
    /// It arrived.
    Deliver,
    /// The answers to `failed` or `cancelled` are overdue.
    CompensationOverdue,
}

/// An event that the order tells others; [`crate::events::published`] gives it a name and a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Emitted {
    /// `order.payment_received`
    PaymentReceived,
    /// `order.confirmed`
    Confirmed,
    /// `order.shipped`
    Shipped,
    /// `order.delivered`
    Delivered,
    /// `order.failed`
    Failed,
    /// `order.cancelled`
    Cancelled,
    /// `order.compensation_requested`
    CompensationRequested,
}

impl Status {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::PaymentReceived => "payment_received",
            Self::Confirmed => "confirmed",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Payment {
    fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Captured | Self::Declined => 1,
            Self::Voided | Self::Refunded => 2,
        }
    }

    fn is_given_back(self) -> bool {
        matches!(self, Self::Voided | Self::Refunded)
    }
}

impl Stock {
    fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Reserved | Self::Rejected => 1,
            Self::Released => 2,
        }
    }
}
