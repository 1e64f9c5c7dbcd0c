//! I4: the money. The provider's log says where it went; the clients' history says where it should have gone.

use super::{
    Finding,
    evidence::{Entry, Evidence, Payment},
    wishes::Wishes,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What the provider did about one order.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Key, amount and currency.
    captures: Vec<(Uuid, i64, String)>,
    declines: Vec<Uuid>,
    /// Key, charge and amount.
    refunds: Vec<(Uuid, Uuid, i64)>,
}

impl Account {
    pub(super) fn captures(&self) -> usize {
        self.captures.len()
    }

    pub(super) fn refunds(&self) -> usize {
        self.refunds.len()
    }

    pub(super) fn captured_minor(&self) -> i64 {
        self.captures.iter().map(|(_, amount_minor, _)| amount_minor).sum()
    }

    pub(super) fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|(.., amount_minor)| amount_minor).sum()
    }
}

/// By order, from the log alone.
pub(super) fn accounts(log: &[Entry]) -> HashMap<Uuid, Account> {
    let mut accounts: HashMap<Uuid, Account> = HashMap::new();
    for entry in log {
        let account = accounts.entry(entry.order()).or_default();
        match entry {
            Entry::Capture {
                key,
                amount_minor,
                currency,
                ..
            } => {
                account.captures.push((*key, *amount_minor, currency.clone()));
            }
            Entry::Decline { key, .. } => account.declines.push(*key),
            Entry::Refund {
                key,
                charge_key,
                amount_minor,
                ..
            } => {
                account.refunds.push((*key, *charge_key, *amount_minor));
            }
        }
    }
    accounts
}

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I4", "money: taken once, given back whole, and nothing else kept");
    let wishes = Wishes::of(evidence);
    let accounts = accounts(&evidence.provider);
    keys_are_used_once(&mut finding, &evidence.provider);
    for (order, account) in &accounts {
        is_fair(&mut finding, evidence, &wishes, (*order, account));
    }
    let none = Account::default();
    for (order, payment) in &evidence.payments {
        let account = accounts.get(order).unwrap_or(&none);
        finding.expect(agrees(payment, account), || {
            format!("payment of order {order}: the row says {payment:?}, the provider {account:?}")
        });
    }
    for (id, order) in &evidence.orders {
        let (total, stored) = (wishes.total_minor(*id), order.total_minor);
        finding.expect(total == Some(stored), || {
            format!("order {id} costs {total:?}, its row says {stored}")
        });
    }
    adds_up(&mut finding, evidence, &wishes, &accounts);
    finding
}

fn keys_are_used_once(finding: &mut Finding, log: &[Entry]) {
    let mut keys = HashSet::new();
    for entry in log {
        let (Entry::Capture { key, .. } | Entry::Decline { key, .. } | Entry::Refund { key, .. }) = entry;
        finding.expect(keys.insert(*key), || format!("the provider's log has key {key} twice"));
    }
}

/// One order's account, without looking at the platform's own rows about money.
fn is_fair(finding: &mut Finding, evidence: &Evidence, wishes: &Wishes<'_>, (id, account): (Uuid, &Account)) {
    let Some(order) = evidence.orders.get(&id) else {
        return finding.expect(false, || {
            format!("the provider knows of order {id}, which does not exist: {account:?}")
        });
    };
    let attempts = account.captures.len() + account.declines.len();
    finding.expect(attempts <= 1, || {
        format!("order {id} was charged more than once: {account:?}")
    });
    let total = wishes.total_minor(id);
    for (key, amount_minor, currency) in &account.captures {
        finding.expect(total == Some(*amount_minor) && **currency == *order.currency, || {
            format!("charge {key} of order {id} captured {amount_minor} {currency}, and the order costs {total:?}")
        });
    }
    finding.expect(account.refunds.len() <= account.captures.len(), || {
        format!("order {id} was refunded more often than charged: {account:?}")
    });
    for (key, charge, amount_minor) in &account.refunds {
        let is_whole = account
            .captures
            .iter()
            .any(|(key, captured, _)| key == charge && captured == amount_minor);
        finding.expect(is_whole, || {
            format!("refund {key} of order {id} is not the whole of a charge: {account:?}")
        });
    }
}

/// Row for row: what a payment's state says has happened at the provider, and nothing more.
fn agrees(payment: &Payment, account: &Account) -> bool {
    let Account {
        captures,
        declines,
        refunds,
    } = account;
    let captured = *captures == [(payment.id, payment.amount_minor, payment.currency.to_string())];
    let refunded = payment
        .refund
        .is_some_and(|refund| *refunds == [(refund, payment.id, payment.amount_minor)]);
    match &*payment.state {
        "captured" => captured && declines.is_empty() && refunds.is_empty(),
        "refunded" => captured && declines.is_empty() && refunded,
        "refunding" => captured && declines.is_empty() && (refunds.is_empty() || refunded),
        "declined" => captures.is_empty() && *declines == [payment.id] && refunds.is_empty(),
        // Declined before, or never sent.
        "closed" => captures.is_empty() && (declines.is_empty() || *declines == [payment.id]) && refunds.is_empty(),
        _ => refunds.is_empty(),
    }
}

fn adds_up(finding: &mut Finding, evidence: &Evidence, wishes: &Wishes<'_>, accounts: &HashMap<Uuid, Account>) {
    let kept: i64 = accounts
        .values()
        .map(|account| account.captured_minor() - account.refunded_minor())
        .sum();
    let sold = evidence.orders.iter().filter(|(_, order)| order.is_sold());
    let earned: i64 = sold.filter_map(|(id, _)| wishes.total_minor(*id)).sum();
    finding.expect(kept == earned, || {
        format!("{kept} was kept, and orders of {earned} were confirmed")
    });
    for order in accounts.keys() {
        finding.expect(evidence.payments.contains_key(order), || {
            format!("the provider was asked about order {order}, of which there is no payment")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, check};
    use crate::checker::{evidence::Evidence, sample};
    use crate::history::Request;

    fn doctored(doctor: impl FnOnce(&mut Evidence)) -> u64 {
        let mut evidence = sample::consistent();
        doctor(&mut evidence);
        check(&evidence).violations
    }

    #[test]
    fn consistent_money_is_found_so() {
        let finding = check(&sample::consistent());
        assert_eq!(finding.violations, 0, "{:?}", finding.examples);
    }

    #[test]
    fn a_second_capture_is_found() {
        let twice = |evidence: &mut Evidence| {
            let mut again = evidence.provider[0].clone();
            let Entry::Capture { key, .. } = &mut again else {
                panic!("{again:?}")
            };
            *key = uuid::Uuid::from_u128(1);
            evidence.provider.push(again);
        };
        assert!(doctored(twice) >= 2);
        assert!(doctored(|evidence| evidence.provider.push(evidence.provider[0].clone())) >= 2);
    }

    #[test]
    fn a_wrong_amount_is_found() {
        let more = |evidence: &mut Evidence| {
            let Entry::Capture { amount_minor, .. } = &mut evidence.provider[0] else {
                panic!()
            };
            *amount_minor += 1;
        };
        assert!(doctored(more) >= 3);
        // The platform agrees with itself and with the provider, but not with what the client was told.
        let dearer = |evidence: &mut Evidence| {
            for call in &mut evidence.clients.calls {
                if let Request::CreateProduct { price_minor, .. } = &mut call.request {
                    *price_minor += 1;
                }
            }
        };
        assert!(doctored(dearer) >= 3);
    }

    #[test]
    fn a_missing_refund_and_a_refund_too_many_are_found() {
        let kept = |evidence: &mut Evidence| evidence.provider.retain(|entry| !matches!(entry, Entry::Refund { .. }));
        assert_eq!(doctored(kept), 2);
        let half = |evidence: &mut Evidence| {
            for entry in &mut evidence.provider {
                if let Entry::Refund { amount_minor, .. } = entry {
                    *amount_minor -= 1;
                }
            }
        };
        assert_eq!(doctored(half), 3);
    }

    #[test]
    fn rows_and_log_agree_one_by_one() {
        assert!(doctored(|evidence| evidence.payments.clear()) > 0);
        let lied = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "failed");
            evidence.payments.get_mut(&order).unwrap().state = "captured".into();
        };
        assert_eq!(doctored(lied), 1);
    }
}
