//! I3: an event takes effect once, however often it is delivered.

use super::{
    expected_orders::ExpectedOrders,
    verdict::{Finding, require},
};
use crate::collect::evidence::rows::{Evidence, Movement};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Answers that may be repeated once for each `order.compensation_requested`.
const REPEATABLE: [&str; 3] = ["payment.voided", "payment.refunded", "inventory.released"];
const REQUESTED_AGAIN: &str = "order.compensation_requested";
/// Events that exclude each other for one order.
const EITHER_OR: [(&str, [&str; 2]); 4] = [
    ("order-service", ["order.failed", "order.cancelled"]),
    ("payment-service", ["payment.completed", "payment.failed"]),
    ("payment-service", ["payment.voided", "payment.refunded"]),
    ("product-service", ["inventory.reserved", "inventory.rejected"]),
];

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I3", "an effect happens once");
    published_once(&mut finding, evidence);
    pieces_moved_once(&mut finding, evidence);
    let events = evidence.notifications.iter().map(|notification| notification.event);
    each_once(&mut finding, events, |event| {
        format!("event {event} has more than one notification")
    });
    let events = evidence.stored.iter().map(|stored| stored.event);
    each_once(&mut finding, events, |event| {
        format!("event {event} is in analytics more than once")
    });
    finding
}

fn each_once(finding: &mut Finding, ids: impl Iterator<Item = Uuid>, example: impl Fn(Uuid) -> String) {
    let mut seen = HashSet::new();
    for id in ids {
        finding.expect(seen.insert(id), || example(id));
    }
}

fn published_once(finding: &mut Finding, evidence: &Evidence) {
    let orders = evidence.types_by_subject("order-service");
    for service in ["order-service", "payment-service", "product-service"] {
        let published = evidence.types_by_subject(service);
        for (order, types) in &published {
            let requests = orders.get(order).map_or(0, |types| count(types, REQUESTED_AGAIN));
            let distinct: HashSet<&str> = types
                .iter()
                .copied()
                .filter(|event_type| *event_type != REQUESTED_AGAIN)
                .collect();
            for event_type in distinct {
                let times = count(types, event_type);
                let allowed = if REPEATABLE.contains(&event_type) {
                    1 + requests
                } else {
                    1
                };
                require!(
                    finding,
                    times <= allowed,
                    "{event_type} was published {times} times about order {order}, with {requests} repeated requests"
                );
            }
            for (_, [one, other]) in EITHER_OR.iter().filter(|(publisher, _)| *publisher == service) {
                let both = types.contains(one) && types.contains(other);
                require!(
                    finding,
                    !both,
                    "both {one} and {other} were published about order {order}"
                );
            }
        }
    }
}

fn count(types: &[&str], wanted: &str) -> usize {
    types.iter().filter(|event_type| **event_type == wanted).count()
}

/// Number of movements and of pieces, by kind.
type Moves<'a> = BTreeMap<&'a str, (u32, i64)>;

fn pieces_moved_once(finding: &mut Finding, evidence: &Evidence) {
    let expected = ExpectedOrders::of(evidence);
    let mut by_order: HashMap<Uuid, BTreeMap<Uuid, Moves<'_>>> = HashMap::new();
    for Movement {
        product,
        order,
        kind,
        quantity,
    } in &evidence.movements
    {
        let Some(order) = order else { continue };
        let moves = by_order.entry(*order).or_default().entry(*product).or_default();
        let (times, pieces) = moves.entry(kind).or_default();
        *times += 1;
        *pieces += quantity;
    }
    for (order, state) in &evidence.reservations {
        let products = by_order.remove(order).unwrap_or_default();
        let wanted = expected.pieces(*order);
        let all: HashSet<&Uuid> = products.keys().chain(wanted.keys()).collect();
        for product in all {
            let moves = products.get(product).cloned().unwrap_or_default();
            let wanted = wanted.get(product).copied().unwrap_or_default();
            require!(
                finding,
                is_lifecycle(state, &moves, wanted),
                "order {order}, whose stock is {state}, wants {wanted} of product {product} and has moved {moves:?} \
                     (kind, times, pieces)"
            );
        }
    }
    for order in by_order.keys() {
        require!(finding, false, "order {order} has moved pieces without a reservation");
    }
}

/// The lifecycles of an order's pieces: reserved, then sold or released; sold pieces may come back.
fn is_lifecycle(state: &str, moves: &Moves<'_>, wanted: i64) -> bool {
    // In alphabetical order, as in the map.
    let kinds: Vec<&str> = moves.keys().copied().collect();
    let is_known = match state {
        "reserved" => kinds == ["reserve"],
        "sold" => kinds == ["reserve", "sell"],
        "released" => kinds == ["release", "reserve"] || kinds == ["reserve", "return", "sell"],
        _ => kinds.is_empty(),
    };
    is_known && moves.values().all(|(times, pieces)| *times == 1 && *pieces == wanted)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, id_of, rows_of, violations},
        collect::evidence::rows::Movement,
    };
    use uuid::Uuid;

    #[test]
    fn a_repeated_event_is_found() {
        let mut evidence = sample::consistent();
        assert_eq!(check(&evidence).violations, 0, "{:?}", check(&evidence).examples);
        let event = id_of(&evidence, "order.confirmed");
        let published = &mut rows_of(&mut evidence, "order-service").published;
        published.insert(Uuid::from_u128(1), published[&event].clone());
        assert_eq!(check(&evidence).violations, 1);
    }

    #[test]
    fn an_answer_may_be_repeated_after_a_repeated_request() {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, "payment.refunded");
        let published = &mut rows_of(&mut evidence, "payment-service").published;
        let mut again = published[&event].clone();
        published.insert(Uuid::from_u128(1), again.clone());
        assert_eq!(check(&evidence).violations, 1);
        again.event_type = "order.compensation_requested".into();
        let published = &mut rows_of(&mut evidence, "order-service").published;
        published.insert(Uuid::from_u128(2), again);
        assert_eq!(check(&evidence).violations, 0);
    }

    #[test]
    fn a_payment_does_not_both_succeed_and_fail() {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, "payment.completed");
        let published = &mut rows_of(&mut evidence, "payment-service").published;
        let mut other = published[&event].clone();
        other.event_type = "payment.failed".into();
        published.insert(Uuid::from_u128(1), other);
        assert_eq!(check(&evidence).violations, 1);
    }

    #[test]
    fn pieces_move_once_and_as_many_as_were_ordered() {
        let doctored = |doctor: fn(&mut Vec<Movement>)| violations(check, |evidence| doctor(&mut evidence.movements));
        assert_eq!(
            doctored(|movements| movements.push(movements.last().unwrap().clone())),
            1
        );
        assert_eq!(doctored(|movements| movements.last_mut().unwrap().quantity += 1), 1);
        assert_eq!(
            doctored(|movements| movements.retain(|movement| &*movement.kind != "reserve")),
            6
        );
    }

    #[test]
    fn pieces_move_as_the_reservation_says() {
        let mut evidence = sample::consistent();
        let order = sample::order(&evidence, "delivered");
        evidence.reservations.insert(order, "released".into());
        assert_eq!(check(&evidence).violations, 2);
        evidence.reservations.remove(&order);
        assert_eq!(check(&evidence).violations, 1);
    }

    #[test]
    fn a_duplicate_notification_or_analytics_row_is_found() {
        let mut evidence = sample::consistent();
        evidence.notifications.push(evidence.notifications[0].clone());
        evidence.stored.push(evidence.stored[0].clone());
        assert_eq!(check(&evidence).violations, 2);
    }
}
