//! I4: the money. The provider's log records where it went, the clients' history where it should have gone.

use super::{
    expected_orders::ExpectedOrders,
    verdict::{Finding, require},
};
use crate::collect::evidence::rows::{Evidence, Payment};
use platform_client::ledger::{self, Account, Capture, Decline, Entry, Refund};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I4", "money: captured once, refunded whole, and nothing else kept");
    let expected = ExpectedOrders::of(evidence);
    let accounts = ledger::accounts(&evidence.provider);
    keys_are_used_once(&mut finding, &evidence.provider);
    for (order, account) in &accounts {
        account_is_right(&mut finding, evidence, &expected, (*order, account));
    }
    let none = Account::default();
    for (order, payment) in &evidence.payments {
        let account = accounts.get(order).unwrap_or(&none);
        require!(
            finding,
            agrees(payment, account),
            "payment of order {order}: the row says {payment:?}, the provider {account:?}"
        );
    }
    for (id, order) in &evidence.orders {
        let (total, stored) = (expected.total_minor(*id), order.total_minor);
        require!(
            finding,
            total == Some(stored),
            "order {id} costs {total:?}, its row says {stored}"
        );
    }
    adds_up(&mut finding, evidence, &expected, &accounts);
    finding
}

fn keys_are_used_once(finding: &mut Finding, log: &[Entry]) {
    let mut keys = HashSet::new();
    for entry in log {
        let key = entry.key();
        require!(finding, keys.insert(key), "the provider's log has key {key} twice");
    }
}

/// Judges one order's account without the platform's own rows about money.
fn account_is_right(
    finding: &mut Finding,
    evidence: &Evidence,
    expected: &ExpectedOrders<'_>,
    (id, account): (Uuid, &Account),
) {
    let Some(order) = evidence.orders.get(&id) else {
        return require!(
            finding,
            false,
            "the provider knows of order {id}, which does not exist: {account:?}"
        );
    };
    let attempts = account.captures.len() + account.declines.len();
    require!(
        finding,
        attempts <= 1,
        "order {id} was charged more than once: {account:?}"
    );
    let total = expected.total_minor(id);
    for capture in &account.captures {
        let is_right = total == Some(capture.amount_minor) && *capture.currency == *order.currency;
        require!(
            finding,
            is_right,
            "order {id} costs {total:?}, and the provider has {capture:?}"
        );
    }
    require!(
        finding,
        account.refunds.len() <= account.captures.len(),
        "order {id} was refunded more often than charged: {account:?}"
    );
    for refund in &account.refunds {
        require!(
            finding,
            account.is_whole(refund),
            "{refund:?} of order {id} is not the whole of a charge: {account:?}"
        );
    }
}

/// The account has what the payment's state implies, and nothing more.
fn agrees(payment: &Payment, account: &Account) -> bool {
    let Account {
        captures,
        declines,
        refunds,
    } = account;
    let is_capture = |capture: &Capture| {
        (capture.key, capture.amount_minor) == (payment.id, payment.amount_minor)
            && *capture.currency == *payment.currency
    };
    let is_refund = |refund: &Refund| {
        let expected = (payment.refund, payment.id, payment.amount_minor);
        (Some(refund.key), refund.charge_key, refund.amount_minor) == expected
    };
    let captured = matches!(&captures[..], [capture] if is_capture(capture));
    let refunded = matches!(&refunds[..], [refund] if is_refund(refund));
    let declined = matches!(&declines[..], [Decline { key, .. }] if *key == payment.id);
    match &*payment.state {
        "captured" => captured && declines.is_empty() && refunds.is_empty(),
        "refunded" => captured && declines.is_empty() && refunded,
        "refunding" => captured && declines.is_empty() && (refunds.is_empty() || refunded),
        "declined" => captures.is_empty() && declined && refunds.is_empty(),
        // Declined before, or never sent.
        "closed" => captures.is_empty() && (declines.is_empty() || declined) && refunds.is_empty(),
        _ => refunds.is_empty(),
    }
}

fn adds_up(
    finding: &mut Finding,
    evidence: &Evidence,
    expected: &ExpectedOrders<'_>,
    accounts: &HashMap<Uuid, Account>,
) {
    let kept: i64 = accounts.values().map(Account::kept_minor).sum();
    let sold = evidence.orders.iter().filter(|(_, order)| order.is_sold());
    let earned: i64 = sold.filter_map(|(id, _)| expected.total_minor(*id)).sum();
    require!(
        finding,
        kept == earned,
        "{kept} was kept, and orders of {earned} were confirmed"
    );
    for order in accounts.keys() {
        require!(
            finding,
            evidence.payments.contains_key(order),
            "the provider knows of order {order}, which has no payment"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, check};
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
        history::Request,
    };

    #[test]
    fn a_second_capture_is_found() {
        let twice = |evidence: &mut Evidence| {
            let mut again = evidence.provider[0].clone();
            let Entry::Capture(capture) = &mut again else {
                panic!("{again:?}")
            };
            capture.key = uuid::Uuid::from_u128(1);
            evidence.provider.push(again);
        };
        assert!(violations(check, twice) >= 2);
        assert!(violations(check, |evidence| evidence.provider.push(evidence.provider[0].clone())) >= 2);
    }

    #[test]
    fn a_wrong_amount_is_found() {
        let more = |evidence: &mut Evidence| {
            let Entry::Capture(capture) = &mut evidence.provider[0] else {
                panic!()
            };
            capture.amount_minor += 1;
        };
        assert!(violations(check, more) >= 3);
        // The platform agrees with itself and with the provider, but not with the price that the client set.
        let dearer = |evidence: &mut Evidence| {
            for call in &mut evidence.clients.calls {
                if let Request::CreateProduct { price_minor, .. } = &mut call.request {
                    *price_minor += 1;
                }
            }
        };
        assert!(violations(check, dearer) >= 3);
    }

    #[test]
    fn a_missing_refund_and_a_refund_too_many_are_found() {
        let kept = |evidence: &mut Evidence| evidence.provider.retain(|entry| !matches!(entry, Entry::Refund(_)));
        assert_eq!(violations(check, kept), 2);
        let half = |evidence: &mut Evidence| {
            for entry in &mut evidence.provider {
                if let Entry::Refund(refund) = entry {
                    refund.amount_minor -= 1;
                }
            }
        };
        assert_eq!(violations(check, half), 3);
    }

    #[test]
    fn rows_and_log_agree_one_by_one() {
        assert!(violations(check, |evidence| evidence.payments.clear()) > 0);
        let lied = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "failed");
            evidence.payments.get_mut(&order).unwrap().state = "captured".into();
        };
        assert_eq!(violations(check, lied), 1);
    }
}
