//! I9 for placing orders: one order for each accepted key, none for a refused one, and none without a request.

use crate::{
    check::{
        expected_orders::sum_by_product,
        verdict::{Finding, require},
    },
    collect::evidence::{
        clients::{Call, Outcome},
        rows::{Evidence, Key},
    },
    history::Request,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let addresses = evidence.clients.addresses();
    let calls_by_key = evidence.clients.placings();
    let placed = orders_by_key(finding, evidence, &calls_by_key);
    for (key, calls) in &calls_by_key {
        answers_agree(finding, *key, calls);
        let order = placed.get(key).copied();
        if calls.iter().all(|call| call.was_refused()) {
            require!(
                finding,
                order.is_none(),
                "key {key} was refused, and yet order {order:?} was placed"
            );
        }
        for call in calls.iter().filter(|call| call.created().is_some()) {
            let answered = call.created_id();
            require!(
                finding,
                answered.is_some() && answered == order,
                "key {key} was answered with order {answered:?}, and it has placed order {order:?}"
            );
        }
        if let (Some(order), Some(call)) = (order, calls.first()) {
            is_as_requested(finding, evidence, (*key, order, call), &addresses);
        }
    }
}

/// The order of each key, by the database's own rows; every order must have one key.
fn orders_by_key(
    finding: &mut Finding,
    evidence: &Evidence,
    calls_by_key: &HashMap<Uuid, Vec<&Call>>,
) -> HashMap<Uuid, Uuid> {
    let mut placed = HashMap::new();
    let mut found = HashSet::new();
    for row in &evidence.keys {
        let Some(order) = row.order else { continue };
        let key = row.text.parse().ok().filter(|key| calls_by_key.contains_key(key));
        require!(
            finding,
            found.insert(order),
            "order {order} was placed by more than one key"
        );
        if let Some(key) = key {
            let before = placed.insert(key, order);
            require!(finding, before.is_none(), "key {key} has placed {before:?} and {order}");
            let owner = evidence.orders.get(&order).map(|order| order.user);
            require!(
                finding,
                owner == Some(row.user),
                "key {key} of user {} has placed order {order}, which is {owner:?}'s",
                row.user
            );
        } else {
            require!(
                finding,
                false,
                "order {order} was placed with key {}, which no client has sent",
                row.text
            );
        }
    }
    for order in evidence.orders.keys() {
        require!(finding, found.contains(order), "order {order} was placed by no key");
    }
    placed
}

fn answers_agree(finding: &mut Finding, key: Uuid, calls: &[&Call]) {
    let bodies: HashSet<&str> = calls.iter().filter_map(|call| call.created()).collect();
    require!(
        finding,
        bodies.len() <= 1,
        "key {key} was answered with different bodies: {bodies:?}"
    );
}

fn is_as_requested(
    finding: &mut Finding,
    evidence: &Evidence,
    (key, id, call): (Uuid, Uuid, &Call),
    addresses: &HashMap<u32, HashSet<String>>,
) {
    let Request::Place {
        items, payment_method, ..
    } = &call.request
    else {
        return;
    };
    let Some(order) = evidence.orders.get(&id) else {
        return require!(finding, false, "order {id} of key {key} does not exist");
    };
    let requested = sum_by_product(items.iter().map(|item| (item.product, item.quantity.into())));
    let stored = sum_by_product(order.lines.iter().map(|line| (line.product, line.quantity)));
    let stored_method = &order.payment_method;
    require!(
        finding,
        requested == stored && **payment_method == **stored_method,
        "order {id}: requested {requested:?} by {payment_method}, stored {stored:?} by {stored_method}"
    );
    let theirs = call.customer.and_then(|customer| addresses.get(&customer));
    let owner = evidence.users.get(&order.user);
    let is_theirs = owner
        .zip(theirs)
        .is_some_and(|(owner, theirs)| theirs.contains(&owner.email));
    require!(
        finding,
        is_theirs,
        "order {id} was requested by customer {:?}, and belongs to {:?}",
        call.customer,
        order.user
    );
}

/// Number of keys by their outcome.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::check) struct Placements {
    /// Answered with 201 at least once.
    pub(in crate::check) accepted: i64,
    /// Every try refused.
    pub(in crate::check) refused: i64,
    /// Without a definite answer, and placed.
    pub(in crate::check) unknown_placed: i64,
    /// Without a definite answer, and not placed.
    pub(in crate::check) unknown_not_placed: i64,
}

/// Counts the keys by their outcome.
pub(in crate::check) fn placements(evidence: &Evidence) -> Placements {
    let of_key = |row: &Key| row.order.and(row.text.parse().ok());
    let placed: HashSet<Uuid> = evidence.keys.iter().filter_map(of_key).collect();
    let mut counted = Placements::default();
    for (key, calls) in evidence.clients.placings() {
        let is_accepted = |call: &&Call| matches!(call.outcome, Outcome::Answered { status: 201, .. });
        let outcome = if calls.iter().any(is_accepted) {
            &mut counted.accepted
        } else if calls.iter().all(|call| call.was_refused()) {
            &mut counted.refused
        } else if placed.contains(&key) {
            &mut counted.unknown_placed
        } else {
            &mut counted.unknown_not_placed
        };
        *outcome += 1;
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::{super::check, Call, Outcome, placements};
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
        history::Request,
    };

    /// The first try to place an order, answered with 201.
    fn first(evidence: &mut Evidence) -> &mut Call {
        let is_placing = |call: &&mut Call| matches!(call.request, Request::Place { .. });
        evidence.clients.calls.iter_mut().find(is_placing).unwrap()
    }

    #[test]
    fn keys_are_counted_by_their_outcome() {
        let evidence = sample::consistent();
        let finding = check(&evidence);
        assert_eq!(finding.violations, 0, "{:?}", finding.examples);
        let counted = placements(&evidence);
        assert_eq!((counted.accepted, counted.refused), (2, 1), "{counted:?}");
        assert_eq!(
            (counted.unknown_placed, counted.unknown_not_placed),
            (1, 1),
            "{counted:?}"
        );
    }

    #[test]
    fn a_missing_accepted_order_is_found() {
        let gone = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.remove(&order);
        };
        assert!(violations(check, gone) >= 1);
        assert!(violations(check, |evidence| evidence.keys.clear()) >= 3);
    }

    #[test]
    fn an_order_with_other_contents_is_found() {
        let other = |evidence: &mut Evidence| {
            evidence
                .orders
                .values_mut()
                .for_each(|order| order.lines[0].quantity += 1);
        };
        assert_eq!(violations(check, other), 3);
        let method = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().payment_method = "pm_slow".into();
        };
        assert_eq!(violations(check, method), 1);
        assert_eq!(violations(check, |evidence| first(evidence).customer = Some(99)), 1);
    }

    #[test]
    fn an_order_of_a_refused_key_is_found() {
        let refused = |evidence: &mut Evidence| {
            let refusal = Outcome::Answered {
                at_ms: 0,
                status: 422,
                body: String::new(),
            };
            for call in &mut evidence.clients.calls {
                call.outcome = refusal.clone();
            }
        };
        assert!(violations(check, refused) >= 3);
    }

    #[test]
    fn a_second_key_or_a_different_answer_is_found() {
        assert!(violations(check, |evidence| evidence.keys.push(evidence.keys[0].clone())) >= 1);
        let other = |evidence: &mut Evidence| {
            let again = first(evidence).clone();
            evidence.clients.calls.push(again);
            let Outcome::Answered { body, .. } = &mut first(evidence).outcome else {
                panic!()
            };
            body.push(' ');
        };
        assert_eq!(violations(check, other), 1);
        let unrequested = |evidence: &mut Evidence| evidence.keys[0].text = uuid::Uuid::nil().to_string();
        assert!(violations(check, unrequested) >= 1);
    }
}
