//! An order as its owner sees it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// The answer of `GET /api/orders/{id}`, as far as a client needs it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: String,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    /// What is known of its payment.
    pub payment: String,
    /// What is known of its stock.
    pub stock: String,
    /// Whether everything was given back.
    pub compensation: String,
    /// What it costs, in minor units.
    pub total_minor: i64,
    /// ISO 4217.
    pub currency: String,
}

/// One event of an order's journey.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The event's type.
    pub r#type: String,
    /// The service that says so.
    pub source: String,
    /// When it was written down.
    pub timestamp: DateTime<Utc>,
}

impl Order {
    /// Whether nothing more will happen to it by itself: confirmed or later, or closed with everything given back.
    pub fn is_settled(&self) -> bool {
        match self.status.as_str() {
            "confirmed" | "shipped" | "delivered" => true,
            "failed" | "cancelled" => self.compensation == "done",
            _ => false,
        }
    }
}
