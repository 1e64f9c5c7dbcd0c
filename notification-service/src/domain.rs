//! Notices: the texts that customers read.

use serde::Deserialize;
use std::fmt;

kernel::id! {
    NotificationId,
    OrderId,
    UserId,
}

/// An order and its owner, as every event of order-service names them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnedOrder {
    pub(crate) order_id: OrderId,
    pub(crate) user_id: UserId,
}

/// The content of a notification: an occurrence that the order's owner is notified of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    Confirmed { total: Option<Money> },
    Shipped,
    Delivered,
    Failed { reason: Option<String> },
    Cancelled,
    Refunded { amount: Money },
}

/// An amount in minor units of an ISO 4217 currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) minor: i64,
    pub(crate) currency: String,
}

impl Notice {
    /// Returns the title of the notification, which is also the subject of its mail.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "Your order is confirmed",
            Self::Shipped => "Your order is on its way",
            Self::Delivered => "Your order has been delivered",
            Self::Failed { .. } => "Your order could not be completed",
            Self::Cancelled => "Your order is cancelled",
            Self::Refunded { .. } => "Your money is on its way back",
        }
    }

    /// Returns the text, a short paragraph.
    pub(crate) fn text(&self, order_id: OrderId) -> String {
        match self {
            Self::Confirmed { total: Some(total) } => {
                format!("Order {order_id} is confirmed. The total is {total}. We will tell you when it is on its way.")
            }
            Self::Confirmed { total: None } => {
                format!("Order {order_id} is confirmed. We will tell you when it is on its way.")
            }
            Self::Shipped => format!("Order {order_id} has left our warehouse."),
            Self::Delivered => format!("Order {order_id} has been delivered. Thank you for your order."),
            Self::Failed { reason } => {
                let reason = reason.as_deref().map_or("", failure_text);
                format!("Order {order_id} could not be completed{reason}. Whatever was paid for it will be returned.")
            }
            Self::Cancelled => format!("Order {order_id} is cancelled. Whatever was paid for it will be returned."),
            Self::Refunded { amount } => format!("We have returned {amount} for order {order_id}."),
        }
    }
}

/// Returns a failure's reason as the end of a sentence. Reasons are codes, so an unknown one is left out instead of shown.
fn failure_text(reason: &str) -> &'static str {
    match reason {
        "payment_declined" => ": the payment was declined",
        "stock_rejected" => ": not everything is in stock",
        "deadline" => ": it could not be settled in time",
        _ => "",
    }
}

/// Writes `59.98 USD`. Most currencies have two decimals; ISO 4217 lists those that have none or three.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals: usize = match self.currency.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        };
        let digits = format!("{:0width$}", self.minor.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let (sign, point) = (
            if self.minor < 0 { "-" } else { "" },
            if decimals == 0 { "" } else { "." },
        );
        write!(f, "{sign}{whole}{point}{fraction} {}", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        let shown = |minor, currency: &str| {
            Money {
                minor,
                currency: currency.to_owned(),
            }
            .to_string()
        };
        assert_eq!(shown(5998, "USD"), "59.98 USD");
        assert_eq!(shown(5, "EUR"), "0.05 EUR");
        assert_eq!(shown(-120, "EUR"), "-1.20 EUR");
        assert_eq!(shown(5998, "JPY"), "5998 JPY");
        assert_eq!(shown(5998, "KWD"), "5.998 KWD");
        assert_eq!(shown(i64::MIN, "USD"), "-92233720368547758.08 USD");
    }

    #[test]
    fn each_reason_that_order_service_may_give_has_a_text() {
        let schema = include_str!("../../order-service/contracts/order.failed.v1.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let reasons = schema["properties"]["data"]["properties"]["reason"]["enum"].as_array();
        for reason in reasons.expect("the schema lists the reasons") {
            assert_ne!(failure_text(reason.as_str().unwrap()), "", "{reason}");
        }
    }

    #[test]
    fn a_failure_text_never_shows_the_code_of_the_reason() {
        let text = |reason: Option<&str>| {
            Notice::Failed {
                reason: reason.map(str::to_owned),
            }
            .text(OrderId::new())
        };
        assert!(text(Some("payment_declined")).contains("completed: the payment was declined."));
        assert!(text(Some("something_new")).contains("completed. Whatever"));
        assert!(text(None).contains("completed. Whatever"));
    }
}
