//! I16: while the broker refuses a route, the other events of its publisher do not wait, and those of the route wait until the end.
//!
//! That all are published afterwards, and in order, is I1 and I10; that none is published before, is the broker's promise.

use super::{
    verdict::Finding,
    waits::{Explanations, length_ms},
};
use crate::collect::{
    evidence::rows::{Evidence, Messaging, Published},
    expectations::Disturbance,
};
use chrono::TimeDelta;
use std::collections::HashMap;
use uuid::Uuid;

/// The usual time is milliseconds; the rest is for a busy machine.
const USUAL_MAX_MS: i64 = 5_000;
/// Time between the end of a refusal and its record.
const RECORDED_AFTER: TimeDelta = TimeDelta::seconds(3);

pub(super) fn check(evidence: &Evidence) -> Finding {
    let title = "events wait for a refused route only if they are its own, or behind one of its own";
    let mut finding = Finding::new("I16", title);
    let explanations = Explanations::of(&evidence.disturbances);
    for route in evidence
        .disturbances
        .iter()
        .filter(|disturbance| disturbance.is_of_route())
    {
        let publisher = evidence
            .messaging
            .iter()
            .find(|(_, rows)| rows.published.values().any(|event| *event.event_type == *route.of));
        if let Some((service, rows)) = publisher {
            judge(&mut finding, route, service, rows, &explanations);
        }
    }
    finding
}

fn judge(finding: &mut Finding, route: &Disturbance, service: &str, rows: &Messaging, explanations: &Explanations<'_>) {
    let is_of_route = |event: &Published| *event.event_type == *route.of;
    let (mut held, mut worst_ms) = (0, 0);
    // The first event of the route that had to wait, of each subject.
    let mut waiting: HashMap<Uuid, &Published> = HashMap::new();
    let meanwhile = |event: &&Published| event.at >= route.from && event.at < route.until - RECORDED_AFTER;
    for event in rows
        .published
        .values()
        .filter(|event| is_of_route(event) && event.confirmed_at > route.from)
    {
        let first = waiting.entry(event.subject).or_insert(event);
        if event.at < first.at {
            *first = event;
        }
    }
    for event in rows.published.values().filter(meanwhile) {
        let behind = waiting.get(&event.subject).filter(|first| first.at <= event.at);
        if is_of_route(event) {
            held += i32::from(event.confirmed_at >= route.until - RECORDED_AFTER);
        } else if behind.is_none() {
            let wait = explanations.unexplained((event.at, event.confirmed_at), [service, "postgres", "rabbitmq"]);
            let wait_ms = length_ms(wait);
            worst_ms = worst_ms.max(wait_ms);
            finding.expect(wait_ms <= USUAL_MAX_MS, || {
                format!(
                    "{} about {} waited {wait_ms} ms while {} was refused",
                    event.event_type, event.subject, route.of
                )
            });
        }
    }
    finding.expect(held > 0, || format!("no event waited while {} was refused", route.of));
    let of = &route.of;
    finding.note(format!(
        "{of}: {held} of its own events waited, the others of {service} at most {worst_ms} ms"
    ));
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, id_of, rows_of},
        collect::{evidence::rows::Evidence, expectations::Disturbance},
    };
    use chrono::TimeDelta;

    /// `order.confirmed` was refused all the time, and is published in the end with what followed it.
    fn refused() -> Evidence {
        let mut evidence = sample::consistent();
        let published = &mut rows_of(&mut evidence, "order-service").published;
        let from = published.values().map(|event| event.at).min().unwrap();
        let until = from + TimeDelta::hours(1);
        for event in published.values_mut() {
            if ["order.confirmed", "order.shipped", "order.delivered"].contains(&&*event.event_type) {
                event.confirmed_at = until;
            }
        }
        let of = "order.confirmed".to_owned();
        evidence.disturbances.push(Disturbance { of, from, until });
        evidence
    }

    #[test]
    fn events_of_the_route_and_those_behind_them_may_wait() {
        let finding = check(&refused());
        assert_eq!(finding.violations, 0, "{finding}");
        assert!(finding.checked > 3, "{finding}");
    }

    #[test]
    fn another_event_that_waits_is_found() {
        let mut evidence = refused();
        let event = id_of(&evidence, "order.failed");
        let published = &mut rows_of(&mut evidence, "order-service").published;
        published.get_mut(&event).unwrap().confirmed_at += TimeDelta::seconds(6);
        assert_eq!(check(&evidence).violations, 1);
    }

    #[test]
    fn a_refusal_without_effect_is_found() {
        let mut evidence = refused();
        for event in rows_of(&mut evidence, "order-service").published.values_mut() {
            event.confirmed_at = event.at;
        }
        assert_eq!(check(&evidence).violations, 1);
    }
}
