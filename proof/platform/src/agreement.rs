//! The rule by which order-service, payment-service, product-service and the payment provider agree on an order's end.

use crate::ledger::Account;
use std::fmt;

/// Holds for an order that is confirmed or later: money and pieces have changed hands.
pub fn is_sold(status: &str) -> bool {
    matches!(status, "confirmed" | "shipped" | "delivered")
}

/// Holds for an order that failed or was cancelled: nothing may be kept.
pub fn is_closed(status: &str) -> bool {
    matches!(status, "failed" | "cancelled")
}

/// The end of one order as its four witnesses know it.
#[derive(Debug)]
pub struct OrderEnd<'a> {
    /// Status, from order-service.
    pub status: &'a str,
    /// State of the payment that order-service has recorded.
    pub payment: &'a str,
    /// State of the stock that order-service has recorded.
    pub stock: &'a str,
    /// State of the compensation, from order-service.
    pub compensation: &'a str,
    /// Price in minor units, from order-service.
    pub total_minor: i64,
    /// State of the payment, from payment-service.
    pub payment_state: Option<&'a str>,
    /// State of the reservation, from product-service.
    pub reservation_state: Option<&'a str>,
    /// The order's lines in the provider's log.
    pub account: &'a Account,
}

impl OrderEnd<'_> {
    /// Holds if the order has ended and all sources report the same end.
    pub fn is_agreed(&self) -> bool {
        if is_sold(self.status) {
            self.is_kept()
        } else {
            is_closed(self.status) && self.is_given_back()
        }
    }

    /// Captured once and sold.
    fn is_kept(&self) -> bool {
        let recorded = (self.payment, self.stock, self.compensation) == ("captured", "reserved", "none");
        let states = (self.payment_state, self.reservation_state) == (Some("captured"), Some("sold"));
        let Account { captures, refunds, .. } = self.account;
        recorded && states && captures.len() == 1 && refunds.is_empty() && self.account.kept_minor() == self.total_minor
    }

    /// Nothing kept and nothing reserved, and order-service has recorded both.
    fn is_given_back(&self) -> bool {
        let money = matches!(
            (self.payment, self.payment_state),
            ("voided", Some("closed")) | ("refunded", Some("refunded"))
        );
        let pieces = matches!(self.reservation_state, Some("closed" | "released")) && self.stock == "released";
        let account = self.account;
        let refunded = account.refunds.iter().all(|refund| account.is_whole(refund));
        money
            && pieces
            && self.compensation == "done"
            && account.captures.len() <= 1
            && refunded
            && account.kept_minor() == 0
    }
}

impl fmt::Display for OrderEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            payment,
            stock,
            compensation,
            total_minor,
            ..
        } = self;
        write!(
            f,
            "order-service has {status}, payment {payment}, stock {stock}, compensation {compensation}, total \
             {total_minor}; payment-service has {}, product-service {}; the provider captured {} times, refunded {} \
             times and keeps {}",
            self.payment_state.unwrap_or("nothing"),
            self.reservation_state.unwrap_or("nothing"),
            self.account.captures.len(),
            self.account.refunds.len(),
            self.account.kept_minor()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Capture, Refund};
    use uuid::Uuid;

    const KEY: Uuid = Uuid::from_u128(1);

    fn account(captured: &[i64], refunded: &[i64]) -> Account {
        let capture = |amount_minor: &i64| Capture {
            key: KEY,
            reference: KEY,
            amount_minor: *amount_minor,
            currency: "USD".to_owned(),
            at: None,
        };
        let refund = |amount_minor: &i64| Refund {
            key: KEY,
            charge_key: KEY,
            reference: KEY,
            amount_minor: *amount_minor,
        };
        Account {
            captures: captured.iter().map(capture).collect(),
            declines: Vec::new(),
            refunds: refunded.iter().map(refund).collect(),
        }
    }

    fn end<'a>([status, payment, stock, compensation]: [&'a str; 4], account: &'a Account) -> OrderEnd<'a> {
        OrderEnd {
            status,
            payment,
            stock,
            compensation,
            total_minor: 500,
            payment_state: Some(if payment == "voided" { "closed" } else { payment }),
            reservation_state: Some(if stock == "reserved" { "sold" } else { "released" }),
            account,
        }
    }

    #[test]
    fn a_sold_order_is_captured_once_and_whole() {
        let sold = |captured: &[i64], refunded: &[i64]| {
            end(
                ["confirmed", "captured", "reserved", "none"],
                &account(captured, refunded),
            )
            .is_agreed()
        };
        assert!(sold(&[500], &[]));
        assert!(!sold(&[], &[]) && !sold(&[499], &[]) && !sold(&[500, 500], &[500]) && !sold(&[500], &[500]));
    }

    #[test]
    fn a_closed_order_keeps_nothing() {
        let refunded = |captured: &[i64], refunded: &[i64]| {
            end(
                ["cancelled", "refunded", "released", "done"],
                &account(captured, refunded),
            )
            .is_agreed()
        };
        assert!(refunded(&[500], &[500]));
        assert!(!refunded(&[500], &[]) && !refunded(&[500], &[250, 250]) && !refunded(&[500, 500], &[500, 500]));
        assert!(end(["failed", "voided", "released", "done"], &account(&[], &[])).is_agreed());
        assert!(!end(["failed", "voided", "released", "pending"], &account(&[], &[])).is_agreed());
    }

    #[test]
    fn an_order_has_to_end_the_same_way_everywhere() {
        let (captured, nothing) = (account(&[500], &[]), Account::default());
        assert!(!end(["payment_received", "captured", "reserved", "none"], &captured).is_agreed());
        let mut sold = end(["delivered", "captured", "reserved", "none"], &captured);
        sold.reservation_state = Some("released");
        assert!(!sold.is_agreed());
        let mut failed = end(["failed", "voided", "released", "done"], &nothing);
        failed.payment_state = Some("captured");
        assert!(!failed.is_agreed());
        failed.payment_state = None;
        assert!(!failed.is_agreed());
    }
}
