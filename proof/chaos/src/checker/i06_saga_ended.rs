//! I6: every order has ended, and all who took part in it agree on how.

use super::{
    Finding,
    evidence::{Evidence, Order},
    i04_money::{self, Account},
};
use uuid::Uuid;

/// An order as its witnesses know it.
#[derive(Debug)]
struct Joint<'a> {
    order: &'a Order,
    payment: &'a str,
    reservation: &'a str,
    captures: usize,
    refunds: usize,
    kept_minor: i64,
}

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I6", "every order has ended, and everyone agrees how");
    let accounts = i04_money::accounts(&evidence.provider);
    for (id, order) in &evidence.orders {
        let joint = Joint::of(evidence, (*id, order), accounts.get(id).unwrap_or(&Account::default()));
        finding.expect(joint.is_agreed(), || {
            format!("order {id} is in no agreed end state: {}", joint.describe())
        });
    }
    finding
}

impl<'a> Joint<'a> {
    fn of(evidence: &'a Evidence, (id, order): (Uuid, &'a Order), account: &Account) -> Self {
        Self {
            order,
            payment: evidence.payments.get(&id).map_or("missing", |payment| &payment.state),
            reservation: evidence.reservations.get(&id).map_or("missing", |state| state),
            captures: account.captures(),
            refunds: account.refunds(),
            kept_minor: account.captured_minor() - account.refunded_minor(),
        }
    }

    fn is_agreed(&self) -> bool {
        if self.order.is_sold() {
            self.is_kept()
        } else {
            self.order.is_closed() && self.is_given_back()
        }
    }

    /// Captured and sold.
    fn is_kept(&self) -> bool {
        let Order {
            payment,
            stock,
            compensation,
            total_minor,
            ..
        } = self.order;
        let facts = (&**payment, &**stock, &**compensation) == ("captured", "reserved", "none");
        let others = (self.payment, self.reservation) == ("captured", "sold");
        facts && others && self.captures == 1 && self.refunds == 0 && self.kept_minor == *total_minor
    }

    /// Nothing kept and nothing held, and order-service knows it.
    fn is_given_back(&self) -> bool {
        let Order {
            payment,
            stock,
            compensation,
            ..
        } = self.order;
        let money = matches!(
            (&**payment, self.payment),
            ("voided", "closed") | ("refunded", "refunded")
        );
        let pieces = matches!(self.reservation, "closed" | "released") && &**stock == "released";
        money && pieces && &**compensation == "done" && self.kept_minor == 0
    }

    fn describe(&self) -> String {
        let Order {
            status,
            payment,
            stock,
            compensation,
            ..
        } = self.order;
        format!(
            "order-service says {status}, payment {payment}, stock {stock}, compensation {compensation}; payment-service \
             {}; product-service {}; the provider captured {} times, refunded {} times and keeps {}",
            self.payment, self.reservation, self.captures, self.refunds, self.kept_minor
        )
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::{evidence::Evidence, sample};

    fn doctored(doctor: impl FnOnce(&mut Evidence)) -> u64 {
        let mut evidence = sample::consistent();
        doctor(&mut evidence);
        check(&evidence).violations
    }

    #[test]
    fn an_agreed_end_is_found_so() {
        let finding = check(&sample::consistent());
        assert_eq!((finding.violations, finding.checked), (0, 3), "{:?}", finding.examples);
    }

    #[test]
    fn an_order_has_to_end() {
        let stuck = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().status = "payment_received".into();
        };
        assert_eq!(doctored(stuck), 1);
        let pending = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "cancelled");
            evidence.orders.get_mut(&order).unwrap().compensation = "pending".into();
        };
        assert_eq!(doctored(pending), 1);
    }

    #[test]
    fn everyone_has_to_agree() {
        let paid = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "cancelled");
            evidence.payments.get_mut(&order).unwrap().state = "captured".into();
        };
        assert_eq!(doctored(paid), 1);
        let unsold = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.reservations.insert(order, "released".into());
        };
        assert_eq!(doctored(unsold), 1);
        assert_eq!(doctored(|evidence| evidence.provider.clear()), 1);
    }
}
