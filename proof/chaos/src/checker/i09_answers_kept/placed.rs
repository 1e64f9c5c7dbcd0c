//! Orders: one for each key that was accepted, none for one that was refused, and none that nobody asked for.

use crate::{
    checker::{
        Finding,
        evidence::{
            Evidence,
            clients::{Call, Outcome},
        },
        wishes::added_up,
    },
    history::Request,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let addresses = evidence.clients.addresses();
    let placings = evidence.clients.placings();
    let placed = orders_by_key(finding, evidence, &placings);
    for (key, calls) in &placings {
        answers_agree(finding, *key, calls);
        let order = placed.get(key).copied();
        if calls.iter().all(|call| call.was_refused()) {
            finding.expect(order.is_none(), || {
                format!("key {key} was refused, and yet order {order:?} was placed")
            });
        }
        for call in calls.iter().filter(|call| call.created().is_some()) {
            let told = call.created_id();
            finding.expect(told.is_some() && told == order, || {
                format!("key {key} was answered with order {told:?}, and it has placed order {order:?}")
            });
        }
        if let (Some(order), Some(call)) = (order, calls.first()) {
            is_as_asked(finding, evidence, (*key, order, call), &addresses);
        }
    }
}

/// By the database's own keys; every order has to be found here, and once.
fn orders_by_key(
    finding: &mut Finding,
    evidence: &Evidence,
    placings: &HashMap<Uuid, Vec<&Call>>,
) -> HashMap<Uuid, Uuid> {
    let mut placed = HashMap::new();
    let mut found = HashSet::new();
    for row in &evidence.keys {
        let Some(order) = row.order else { continue };
        let key = row.text.parse().ok().filter(|key| placings.contains_key(key));
        finding.expect(found.insert(order), || {
            format!("order {order} was placed by more than one key")
        });
        if let Some(key) = key {
            let before = placed.insert(key, order);
            finding.expect(before.is_none(), || {
                format!("key {key} has placed {before:?} and {order}")
            });
            let owner = evidence.orders.get(&order).map(|order| order.user);
            finding.expect(owner == Some(row.user), || {
                format!(
                    "key {key} of user {} has placed order {order}, which is {owner:?}'s",
                    row.user
                )
            });
        } else {
            finding.expect(false, || {
                format!(
                    "order {order} was placed with key {}, of which no client knows",
                    row.text
                )
            });
        }
    }
    for order in evidence.orders.keys() {
        finding.expect(found.contains(order), || format!("order {order} was placed by no key"));
    }
    placed
}

fn answers_agree(finding: &mut Finding, key: Uuid, calls: &[&Call]) {
    let bodies: HashSet<&str> = calls.iter().filter_map(|call| call.created()).collect();
    finding.expect(bodies.len() <= 1, || {
        let count = bodies.len();
        format!(
            "key {key} was answered with {count} different bodies, e.g. {}",
            bodies.into_iter().next().unwrap_or_default()
        )
    });
}

fn is_as_asked(
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
        return finding.expect(false, || format!("order {id} of key {key} does not exist"));
    };
    let asked = added_up(items.iter().map(|item| (item.product, item.quantity.into())));
    let stored = added_up(order.lines.iter().map(|line| (line.product, line.quantity)));
    finding.expect(asked == stored && **payment_method == *order.payment_method, || {
        let stored_method = &order.payment_method;
        format!("order {id}: asked for {asked:?} by {payment_method}, and it is {stored:?} by {stored_method}")
    });
    let theirs = call.customer.and_then(|customer| addresses.get(&customer));
    let owner = evidence.users.get(&order.user);
    let is_theirs = owner
        .zip(theirs)
        .is_some_and(|(owner, theirs)| theirs.contains(&owner.email));
    finding.expect(is_theirs, || {
        format!(
            "order {id} was asked for by customer {:?}, and is {:?}'s",
            call.customer, order.user
        )
    });
}

/// What became of the keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::checker) struct Placings {
    /// Answered with 201 at least once.
    pub(in crate::checker) accepted: i64,
    /// Refused for certain, and not placed.
    pub(in crate::checker) refused: i64,
    /// Never answered for certain, and placed.
    pub(in crate::checker) unknown_placed: i64,
    /// Never answered for certain, and not placed.
    pub(in crate::checker) unknown_not_placed: i64,
}

/// Counts the keys by what became of them.
pub(in crate::checker) fn placings(evidence: &Evidence) -> Placings {
    let of_key = |row: &crate::checker::evidence::Key| row.order.and(row.text.parse().ok());
    let placed: HashSet<Uuid> = evidence.keys.iter().filter_map(of_key).collect();
    let mut counted = Placings::default();
    for (key, calls) in evidence.clients.placings() {
        let is_accepted = |call: &&Call| matches!(call.outcome, Outcome::Answered { status: 201, .. });
        let of_its_kind = if calls.iter().any(is_accepted) {
            &mut counted.accepted
        } else if calls.iter().all(|call| call.was_refused()) {
            &mut counted.refused
        } else if placed.contains(&key) {
            &mut counted.unknown_placed
        } else {
            &mut counted.unknown_not_placed
        };
        *of_its_kind += 1;
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::{super::check, Outcome, placings};
    use crate::{
        checker::{evidence::Evidence, sample},
        history::Request,
    };

    fn doctored(doctor: impl FnOnce(&mut Evidence)) -> u64 {
        let mut evidence = sample::consistent();
        doctor(&mut evidence);
        check(&evidence).violations
    }

    /// The first try to place an order, whose answer is 201.
    fn first(evidence: &mut Evidence) -> &mut crate::checker::evidence::clients::Call {
        let is_placing =
            |call: &&mut crate::checker::evidence::clients::Call| matches!(call.request, Request::Place { .. });
        evidence.clients.calls.iter_mut().find(is_placing).unwrap()
    }

    #[test]
    fn kept_answers_are_found_so() {
        let evidence = sample::consistent();
        let finding = check(&evidence);
        assert_eq!(finding.violations, 0, "{:?}", finding.examples);
        let counted = placings(&evidence);
        assert_eq!((counted.accepted, counted.refused), (2, 1), "{counted:?}");
        assert_eq!(
            (counted.unknown_placed, counted.unknown_not_placed),
            (1, 1),
            "{counted:?}"
        );
    }

    #[test]
    fn an_accepted_order_is_there() {
        let gone = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.remove(&order);
        };
        assert!(doctored(gone) >= 1);
        assert!(doctored(|evidence| evidence.keys.clear()) >= 3);
    }

    #[test]
    fn an_order_is_as_it_was_asked_for() {
        let other = |evidence: &mut Evidence| {
            evidence
                .orders
                .values_mut()
                .for_each(|order| order.lines[0].quantity += 1);
        };
        assert_eq!(doctored(other), 3);
        let method = |evidence: &mut Evidence| {
            let order = sample::order(evidence, "delivered");
            evidence.orders.get_mut(&order).unwrap().payment_method = "pm_slow".into();
        };
        assert_eq!(doctored(method), 1);
        assert_eq!(doctored(|evidence| first(evidence).customer = Some(99)), 1);
    }

    #[test]
    fn a_refused_key_places_nothing() {
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
        assert!(doctored(refused) >= 3);
    }

    #[test]
    fn an_order_has_one_key_and_its_answers_are_one() {
        assert!(doctored(|evidence| evidence.keys.push(evidence.keys[0].clone())) >= 1);
        let other = |evidence: &mut Evidence| {
            let again = first(evidence).clone();
            evidence.clients.calls.push(again);
            let Outcome::Answered { body, .. } = &mut first(evidence).outcome else {
                panic!()
            };
            body.push(' ');
        };
        assert_eq!(doctored(other), 1);
        let unasked = |evidence: &mut Evidence| evidence.keys[0].text = uuid::Uuid::nil().to_string();
        assert!(doctored(unasked) >= 1);
    }
}
