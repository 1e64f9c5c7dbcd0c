//! I2: every consumed event was published, and every published event is about an existing subject.

use super::verdict::{Finding, require};
use crate::collect::evidence::rows::{DeadLetter, Evidence};
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
    let poison = evidence.poison_events();
    for (service, rows) in &evidence.messaging {
        for (id, received) in rows.inbox.iter().filter(|(id, _)| !poison.contains(id)) {
            let (source, event_type) = (&*received.source, &*received.event_type);
            let is_known = origins.get(id).is_some_and(|(publisher, published, subject)| {
                *publisher == source
                    && *published == event_type
                    && subject.is_none_or(|known| known == received.subject)
            });
            require!(
                finding,
                is_known,
                "{service} consumed {event_type} {id} about {}, which {source} has not published",
                received.subject
            );
        }
        for letter in &rows.dead_letters {
            if letter.event_id.is_some_and(|id| !poison.contains(&id)) {
                is_known_letter(&mut finding, letter, &origins);
            }
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
            require!(
                finding,
                before.is_none(),
                "event {id} was published by {before:?} and by {origin:?}"
            );
        }
    }
    origins
}

fn is_known_letter(finding: &mut Finding, letter: &DeadLetter, origins: &Origins<'_>) {
    let origin = letter.event_id.and_then(|id| origins.get(&id));
    let is_known = origin.is_some_and(|(_, event_type, subject)| {
        letter.event_type.as_deref() == Some(event_type) && (subject.is_none() || letter.subject == *subject)
    });
    require!(
        finding,
        is_known,
        "no service has published the event of dead letter {letter:?}"
    );
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
        require!(
            finding,
            exists,
            "{service} published {event_type} {id} about {}, of which it has no row",
            event.subject
        );
    }
    for (what, order) in participants(evidence) {
        require!(
            finding,
            evidence.orders.contains_key(&order),
            "there is a {what} for order {order}, which does not exist"
        );
    }
}

fn participants(evidence: &Evidence) -> impl Iterator<Item = (&'static str, Uuid)> {
    let payments = evidence.payments.keys().map(|order| ("payment", *order));
    payments.chain(evidence.reservations.keys().map(|order| ("reservation", *order)))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, id_of, rows_of},
        collect::expectations::Poison,
    };
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
    fn an_event_among_the_dead_letters_was_published_or_is_poison() {
        let mut evidence = sample::consistent();
        let forged = Uuid::from_u128(0xbad);
        let letter = sample::dead_letter("payment-queue", Some(forged));
        rows_of(&mut evidence, "payment-service").dead_letters.push(letter);
        assert_eq!(check(&evidence).violations, 1);
        evidence.poison.push(Poison {
            body: format!(r#"{{"metadata":{{"eventId":"{forged}"}}}}"#).into_bytes(),
            queues: vec!["payment-queue".to_owned()],
            published: false,
        });
        assert_eq!(check(&evidence).violations, 0);
    }

    #[test]
    fn an_event_about_a_missing_subject_is_found() {
        let mut evidence = sample::consistent();
        let order = sample::order(&evidence, "failed");
        evidence.orders.remove(&order);
        assert!(check(&evidence).violations >= 2);
    }
}
