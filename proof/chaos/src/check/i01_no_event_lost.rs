//! I1: no event is lost.
//!
//! From the events: each reached every queue that the broker has bound to its key, and is there either in the inbox or
//! among the dead letters. From the rows: each state has published its events.

mod published_events;

use super::verdict::Finding;
use crate::collect::evidence::rows::{Evidence, Messaging, Published};
use platform_client::description::services;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I1", "no event is lost");
    for (service, messaging) in &evidence.messaging {
        finding.expect(messaging.outbox.is_empty(), || {
            format!(
                "{service} has {} events in its outbox, e.g. {:?}",
                messaging.outbox.len(),
                messaging.outbox.first()
            )
        });
    }
    let queues = Queues::of(evidence, &mut finding);
    for (service, id, event) in evidence.published() {
        for queue in queues.due(&event.event_type) {
            delivered(&mut finding, evidence, queue, (service, id, event), &queues);
        }
    }
    published_events::check(&mut finding, evidence);
    finding
}

/// The consumers of each event type, and the dead letters of each consumer.
struct Queues<'a> {
    due: BTreeMap<&'a str, Vec<&'static str>>,
    dead: BTreeMap<&'static str, HashSet<Uuid>>,
}

impl<'a> Queues<'a> {
    /// From the broker's own bindings.
    fn of(evidence: &'a Evidence, finding: &mut Finding) -> Self {
        let readers: BTreeMap<&str, &'static str> = services()
            .iter()
            .filter_map(|service| Some((service.queue.as_deref()?, &*service.name)))
            .collect();
        for binding in &evidence.broker.bindings {
            finding.expect(readers.contains_key(binding.queue.as_str()), || {
                format!(
                    "{} is bound to {}, and no service reads it",
                    binding.queue, binding.pattern
                )
            });
        }
        for queue in readers.keys() {
            let is_bound = evidence.broker.bindings.iter().any(|binding| binding.queue == *queue);
            finding.expect(is_bound, || format!("{queue} is bound to nothing"));
        }
        let types: HashSet<&str> = evidence.published().map(|(_, _, event)| &*event.event_type).collect();
        let takers = |event_type: &str| {
            let mut services: Vec<&'static str> = evidence
                .broker
                .bindings
                .iter()
                .filter(|binding| binding.routes(event_type))
                .filter_map(|binding| readers.get(binding.queue.as_str()).copied())
                .collect();
            services.sort_unstable();
            services.dedup();
            services
        };
        Self {
            due: types
                .into_iter()
                .map(|event_type| (event_type, takers(event_type)))
                .collect(),
            dead: evidence
                .messaging
                .iter()
                .map(|(service, rows)| (*service, dead(rows)))
                .collect(),
        }
    }

    fn due(&self, event_type: &str) -> &[&'static str] {
        self.due.get(event_type).map_or(&[], Vec::as_slice)
    }

    fn is_dead(&self, service: &str, event: Uuid) -> bool {
        self.dead.get(service).is_some_and(|dead| dead.contains(&event))
    }
}

/// The events among the dead letters.
fn dead(messaging: &Messaging) -> HashSet<Uuid> {
    messaging
        .dead_letters
        .iter()
        .filter_map(|letter| letter.event_id)
        .collect()
}

fn delivered(
    finding: &mut Finding,
    evidence: &Evidence,
    consumer: &str,
    (publisher, id, event): (&str, Uuid, &Published),
    queues: &Queues<'_>,
) {
    let took_effect = evidence
        .messaging
        .get(consumer)
        .is_some_and(|rows| rows.inbox.contains_key(&id));
    let is_dead = queues.is_dead(consumer, id);
    let (event_type, subject) = (&event.event_type, event.subject);
    finding.expect(took_effect != is_dead, || {
        let fate = if is_dead { "twice" } else { "not at all" };
        format!(
            "{event_type} {id} about {subject}, from {publisher}: inbox and dead letters of {consumer} hold it {fate}"
        )
    });
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::sample::{self, id_of, rows_of, violations};

    #[test]
    fn each_event_reaches_each_bound_queue() {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, "order.shipped");
        rows_of(&mut evidence, "notification-service").inbox.remove(&event);
        let finding = check(&evidence);
        assert_eq!(finding.violations, 1);
        assert!(finding.examples[0].contains(&event.to_string()), "{finding}");
    }

    #[test]
    fn a_dead_letter_is_not_lost_but_must_not_be_consumed_too() {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, "order.shipped");
        let letter = sample::dead_letter("notification-queue", Some(event));
        rows_of(&mut evidence, "notification-service").dead_letters.push(letter);
        assert_eq!(check(&evidence).violations, 1);
        rows_of(&mut evidence, "notification-service").inbox.remove(&event);
        assert_eq!(check(&evidence).violations, 0);
    }

    #[test]
    fn an_outbox_must_be_empty_and_a_queue_bound() {
        let unsent = (uuid::Uuid::from_u128(1), "order.placed".into());
        let left = violations(check, |evidence| rows_of(evidence, "order-service").outbox.push(unsent));
        assert_eq!(left, 1);
        let unbound = violations(check, |evidence| {
            let bindings = &mut evidence.broker.bindings;
            bindings.retain(|binding| binding.queue != "payment-queue");
        });
        assert_eq!(unbound, 1);
    }
}
