//! I6: every order has ended, and all services agree on how.

use super::verdict::{Finding, require};
use crate::collect::evidence::rows::Evidence;
use platform_client::{agreement::OrderEnd, ledger};

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I6", "every order has ended, and all services agree on how");
    let mut accounts = ledger::accounts(&evidence.provider);
    for (id, order) in &evidence.orders {
        let end = OrderEnd {
            status: &order.status,
            payment: &order.payment,
            stock: &order.stock,
            compensation: &order.compensation,
            total_minor: order.total_minor,
            payment_state: evidence.payments.get(id).map(|payment| &*payment.state),
            reservation_state: evidence.reservations.get(id).map(|state| &**state),
            account: accounts.entry(*id).or_default(),
        };
        require!(finding, end.is_agreed(), "order {id} is in no agreed end state: {end}");
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
    };

    #[test]
    fn every_order_is_checked() {
        let finding = check(&sample::consistent());
        assert_eq!((finding.violations, finding.checked), (0, 3), "{:?}", finding.examples);
    }

    #[test]
    fn an_order_without_an_end_is_found() {
        let stuck = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().status = "payment_received".into();
        };
        assert_eq!(violations(check, stuck), 1);
        let pending = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "cancelled");
            evidence.orders.get_mut(&order).unwrap().compensation = "pending".into();
        };
        assert_eq!(violations(check, pending), 1);
    }

    #[test]
    fn a_disagreement_is_found() {
        let paid = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "cancelled");
            evidence.payments.get_mut(&order).unwrap().state = "captured".into();
        };
        assert_eq!(violations(check, paid), 1);
        let unsold = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.reservations.insert(order, "released".into());
        };
        assert_eq!(violations(check, unsold), 1);
        assert_eq!(violations(check, |evidence| evidence.provider.clear()), 1);
    }
}
