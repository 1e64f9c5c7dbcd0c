//! An order as its owner sees it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// The answer of `GET /api/orders/{id}`, as far as a client needs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Id of the order.
    pub id: Uuid,
    /// Status, such as `confirmed`.
    pub status: String,
    /// Reason of a failure or cancellation.
    pub reason: Option<String>,
    /// State of the payment, as far as order-service has heard.
    pub payment: String,
    /// State of the stock, as far as order-service has heard.
    pub stock: String,
    /// `done` once money and stock are given back.
    pub compensation: String,
}

/// One event of an order's timeline.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// Type, such as `order.placed`.
    pub r#type: String,
    /// Publishing service.
    pub source: String,
    /// Time of publication.
    pub timestamp: DateTime<Utc>,
}

impl Order {
    /// Holds once nothing more happens to the order by itself: confirmed or later, or closed with everything given back.
    pub fn is_settled(&self) -> bool {
        match self.status.as_str() {
            "confirmed" | "shipped" | "delivered" => true,
            "failed" | "cancelled" => self.compensation == "done",
            _ => false,
        }
    }
}
