//! What people are told, in words.

use std::fmt;
use uuid::Uuid;

/// Something that happened to an order and that its owner is told of.
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
    /// The title of the notification and the subject of its mail.
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

    /// One short paragraph.
    pub(crate) fn text(&self, order_id: Uuid) -> String {
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
                let why = reason.as_deref().map_or("", why_failed);
                format!("Order {order_id} could not be completed{why}. Whatever was paid for it will be returned.")
            }
            Self::Cancelled => format!("Order {order_id} is cancelled. Whatever was paid for it will be returned."),
            Self::Refunded { amount } => format!("We have returned {amount} for order {order_id}."),
        }
    }
}

/// Reasons are words for programs; one that we do not know yet is left out rather than shown.
fn why_failed(reason: &str) -> &'static str {
    match reason {
        "payment_declined" => ": the payment was declined",
        "stock_rejected" => ": not everything is in stock",
        "deadline" => ": it could not be settled in time",
        _ => "",
    }
}

/// `59.98 USD`. Most currencies have two decimals; ISO 4217 lists the ones that have none or three.
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
    fn a_failure_says_why_in_words_and_never_in_code() {
        let text = |reason: Option<&str>| {
            Notice::Failed {
                reason: reason.map(str::to_owned),
            }
            .text(Uuid::nil())
        };
        assert!(text(Some("payment_declined")).contains("completed: the payment was declined."));
        assert!(text(Some("something_new")).contains("completed. Whatever"));
        assert!(text(None).contains("completed. Whatever"));
    }
}
