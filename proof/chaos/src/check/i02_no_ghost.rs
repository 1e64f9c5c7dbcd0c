//! I2: every consumed event was published, and every published event is about an existing subject.

use super::verdict::Finding;
use crate::collect::evidence::rows::Evidence;
use std::collections::HashMap;
use uuid::Uuid;

/// Publisher, type and subject of every event.
type Origins<'a> = HashMap<Uuid, (&'static str, &'a str, Option<Uuid>)>;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new(
        "I2",
        "no ghost: every event comes from one publisher and is about an existing subject",
    );
    let origins = origins(&mut finding, evidence);
    for (service, rows) in &evidence.messaging {
        for (id, received) in &rows.inbox {
            let (source, event_type) = (&*received.source, &*received.event_type);
            let is_known = origins.get(id).is_some_and(|(publisher, published, subject)| {
                *publisher == source
                    && *published == event_type
                    && subject.is_none_or(|known| known == received.subject)
            });
            finding.expect(is_known, || {
                format!(
                    "{service} consumed {event_type} {id} about {}, which {source} has not published",
                    received.subject
                )
            });
        }
    }
    subjects_exist(&mut finding, evidence);
    finding
}

/// An event has one publisher.
fn origins<'a>(finding: &mut Finding, evidence: &'a Evidence) -> Origins<'a> {
    let mut origins = Origins::new();
    for (service, rows) in &evidence.messaging {
        let waiting = rows
            .outbox
            .iter()
            .map(|(id, event_type)| (*id, (*service, &**event_type, None)));
        let published = rows.published.iter();
        let published = published.map(|(id, event)| (*id, (*service, &*event.event_type, Some(event.subject))));
        // If both have it, the second says more.
        let own: Origins<'_> = waiting.chain(published).collect();
        for (id, origin) in own {
            let before = origins.insert(id, origin);
            finding.expect(before.is_none(), || {
                format!("event {id} was published by {before:?} and by {origin:?}")
            });
        }
    }
    origins
}

fn subjects_exist(finding: &mut Finding, evidence: &Evidence) {
    for (service, id, event) in evidence.published() {
        let event_type = &*event.event_type;
        // The prefix of an event's type belongs to one service.
        let exists = match (service, event_type.split('.').next().unwrap_or_default()) {
            ("user-service", "user") => evidence.users.contains_key(&event.subject),
            ("order-service", "order") => evidence.orders.contains_key(&event.subject),
            ("payment-service", "payment") => evidence.payments.contains_key(&event.subject),
            ("product-service", "inventory") => evidence.reservations.contains_key(&event.subject),
            _ => false,
        };
        finding.expect(exists, || {
            format!(
                "{service} published {event_type} {id} about {}, of which it has no row",
                event.subject
            )
        });
    }
    for (what, order) in participants(evidence) {
        finding.expect(evidence.orders.contains_key(&order), || {
            format!("there is a {what} for order {order}, which does not exist")
        });
    }
}

fn participants(evidence: &Evidence) -> impl Iterator<Item = (&'static str, Uuid)> {
    let payments = evidence.payments.keys().map(|order| ("payment", *order));
    payments.chain(evidence.reservations.keys().map(|order| ("reservation", *order)))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::sample::{self, id_of, rows_of};
    use uuid::Uuid;

    #[test]
    fn a_consumed_event_that_was_not_published_is_found() {
        let mut evidence = sample::consistent();
        assert_eq!(check(&evidence).violations, 0, "{:?}", check(&evidence).examples);
        let event = id_of(&evidence, "order.shipped");
        let inbox = &mut rows_of(&mut evidence, "analytics-service").inbox;
        let mut ghost = inbox[&event].clone();
        inbox.insert(Uuid::from_u128(0xdead), ghost.clone());
        assert_eq!(check(&evidence).violations, 1);
        ghost.source = "payment-service".into();
        rows_of(&mut evidence, "analytics-service").inbox.insert(event, ghost);
        assert_eq!(check(&evidence).violations, 2);
    }

    #[test]
    fn an_event_has_one_publisher() {
        let mut evidence = sample::consistent();
        let event = id_of(&evidence, "payment.voided");
        let copy = evidence.messaging["payment-service"].published[&event].clone();
        rows_of(&mut evidence, "order-service").published.insert(event, copy);
        assert!(check(&evidence).violations >= 2);
    }

    #[test]
    fn an_event_about_a_missing_subject_is_found() {
        let mut evidence = sample::consistent();
        let order = sample::order(&evidence, "failed");
        evidence.orders.remove(&order);
        assert!(check(&evidence).violations >= 2);
    }
}
