//! I14: no order waits for nothing.
//!
//! The steps of an order are known by the times that the services have stored: an event is committed, and a participant receives it;
//! a participant is asked, and commits its answer. A step is explained while a fault disturbed what it involves, or while that
//! recovered. What remains of all steps of an order must be short.

use super::{
    verdict::Finding,
    waits::{Explanations, Period, length_ms},
};
use crate::collect::evidence::rows::Evidence;
use std::collections::HashMap;
use uuid::Uuid;

/// The longest wait without a fault: the cards themselves fail, and their charge is tried again. A card that gives no answer costs a
/// timeout (4 s) and a question (1 s later), one that fails twice 3 s of delays, and both wait for their lane behind others of the
/// kind, and for the provider's breaker, which they open (2 s). Of 1,399 orders of a run on two cores the slowest took 22 s.
const UNEXPLAINED_MAX_MS: i64 = 30_000;
/// Orders to report.
const WORST: usize = 3;
const PARTICIPANTS: [&str; 3] = ["order-service", "payment-service", "product-service"];
const CLOSED: &[&str] = &["order.failed", "order.cancelled"];
/// Each participant, the events that ask it, and its possible answers.
const ANSWERS: [(&str, &[&str], &[&str]); 4] = [
    (
        "payment-service",
        &["order.placed"],
        &["payment.completed", "payment.failed", "payment.voided"],
    ),
    ("payment-service", CLOSED, &["payment.voided", "payment.refunded"]),
    (
        "product-service",
        &["order.placed"],
        &["inventory.reserved", "inventory.rejected", "inventory.released"],
    ),
    ("product-service", CLOSED, &["inventory.released"]),
];

/// The steps of one order.
#[derive(Default)]
struct Waits {
    all: Vec<Period>,
    unexplained: Vec<Period>,
}

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new(
        "I14",
        "no order waits longer than the faults meanwhile explain, by 30 s",
    );
    let mut waits: HashMap<Uuid, Waits> = HashMap::new();
    let explanations = Explanations::of(&evidence.disturbances);
    add_deliveries(&mut waits, evidence, &explanations);
    add_answers(&mut waits, evidence, &explanations);
    let orders = waits
        .into_iter()
        .map(|(order, waits)| (length_ms(waits.unexplained), length_ms(waits.all), order));
    let mut orders: Vec<(i64, i64, Uuid)> = orders.collect();
    orders.sort_unstable_by(|a, b| b.cmp(a));
    let describe = |(unexplained_ms, waited_ms, order): &(i64, i64, Uuid)| {
        let explained_ms = waited_ms - unexplained_ms;
        format!("order {order}: waited_ms {waited_ms}, explained_ms {explained_ms}")
    };
    for order in &orders {
        finding.expect(order.0 <= UNEXPLAINED_MAX_MS, || describe(order));
    }
    if finding.holds() {
        orders
            .iter()
            .take(WORST)
            .for_each(|order| finding.note(describe(order)));
    }
    finding
}

/// The way of each event from its commit to each participant. An event may wait behind others of its subject, so their routes are
/// involved as well.
fn add_deliveries(waits: &mut HashMap<Uuid, Waits>, evidence: &Evidence, explanations: &Explanations<'_>) {
    let types: HashMap<&str, HashMap<Uuid, Vec<&str>>> = PARTICIPANTS
        .into_iter()
        .map(|service| (service, evidence.types_by_subject(service)))
        .collect();
    for (consumer, rows) in PARTICIPANTS
        .into_iter()
        .filter_map(|name| Some((name, evidence.messaging.get(name)?)))
    {
        for (id, received) in &rows.inbox {
            let source = &*received.source;
            let published = evidence.messaging.get(source).and_then(|rows| rows.published.get(id));
            let Some(published) = published.filter(|event| evidence.orders.contains_key(&event.subject)) else {
                continue;
            };
            let routes = types.get(source).and_then(|types| types.get(&received.subject));
            let routes = routes.into_iter().flatten().copied();
            let involved = [source, consumer, "postgres", "rabbitmq"].into_iter().chain(routes);
            add(
                waits,
                received.subject,
                (published.at, received.at),
                explanations,
                involved,
            );
        }
    }
}

/// The time between what a participant is asked and its first answer.
fn add_answers(waits: &mut HashMap<Uuid, Waits>, evidence: &Evidence, explanations: &Explanations<'_>) {
    for (service, asks, answers) in ANSWERS {
        let Some(rows) = evidence.messaging.get(service) else {
            continue;
        };
        let answered = rows
            .published
            .values()
            .filter(|event| answers.contains(&&*event.event_type));
        let answered = first_times(answered.map(|event| (event.subject, event.at)));
        let asked = rows.inbox.values().filter(|event| asks.contains(&&*event.event_type));
        for (order, asked) in first_times(asked.map(|event| (event.subject, event.at))) {
            if let Some(answered) = answered.get(&order) {
                let involved = [service, "sandbox-provider", "postgres"];
                add(waits, order, (asked, *answered), explanations, involved);
            }
        }
    }
}

fn first_times<T: Ord + Copy>(times: impl Iterator<Item = (Uuid, T)>) -> HashMap<Uuid, T> {
    let mut first = HashMap::new();
    for (order, at) in times {
        let known = first.entry(order).or_insert(at);
        *known = at.min(*known);
    }
    first
}

fn add<'b>(
    waits: &mut HashMap<Uuid, Waits>,
    order: Uuid,
    step: Period,
    explanations: &Explanations<'_>,
    involved: impl IntoIterator<Item = &'b str>,
) {
    let waits = waits.entry(order).or_default();
    if step.0 < step.1 {
        waits.all.push(step);
        waits.unexplained.extend(explanations.unexplained(step, involved));
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, id_of, rows_of, violations},
        collect::{evidence::rows::Evidence, expectations::Disturbance},
    };
    use chrono::TimeDelta;

    /// The delivered order's payment answers this many seconds after it was asked.
    fn delay_answer(evidence: &mut Evidence, seconds: i64) {
        let event = id_of(evidence, "payment.completed");
        let rows = rows_of(evidence, "payment-service");
        let subject = rows.published[&event].subject;
        let asked = rows.inbox.values().filter(|event| event.subject == subject);
        let asked = asked.map(|event| event.at).min().unwrap();
        rows.published.get_mut(&event).unwrap().at = asked + TimeDelta::seconds(seconds);
    }

    /// The last order's payment event reaches order-service this many seconds late.
    fn delay_delivery(evidence: &mut Evidence, seconds: i64) {
        let event = id_of(evidence, "payment.refunded");
        let rows = rows_of(evidence, "order-service");
        rows.inbox.get_mut(&event).unwrap().at += TimeDelta::seconds(seconds);
    }

    fn disturb(evidence: &mut Evidence, of: &str) {
        let event = id_of(evidence, "payment.refunded");
        let from = evidence.messaging["payment-service"].published[&event].at;
        evidence.disturbances.push(Disturbance {
            of: of.to_owned(),
            from,
            until: from + TimeDelta::seconds(1),
        });
    }

    #[test]
    fn an_order_that_waits_for_an_event_or_an_answer_without_a_fault_is_found() {
        assert_eq!(violations(check, |evidence| delay_answer(evidence, 29)), 0);
        assert_eq!(violations(check, |evidence| delay_answer(evidence, 32)), 1);
        assert_eq!(violations(check, |evidence| delay_delivery(evidence, 29)), 0);
        assert_eq!(violations(check, |evidence| delay_delivery(evidence, 32)), 1);
    }

    #[test]
    fn a_fault_explains_only_a_wait_that_involves_what_it_disturbed() {
        for (of, found) in [
            ("rabbitmq", 0),
            ("order-service", 0),
            ("payment.refunded", 0),
            ("product-service", 1),
            ("order.placed", 1),
        ] {
            let late = |evidence: &mut Evidence| {
                disturb(evidence, of);
                delay_delivery(evidence, 40);
            };
            assert_eq!(violations(check, late), found, "{of}");
        }
    }

    #[test]
    fn the_worst_orders_are_reported() {
        let finding = check(&sample::consistent());
        assert!(finding.examples[0].contains("waited_ms"), "{finding}");
        assert_eq!(finding.checked, 3);
    }
}
