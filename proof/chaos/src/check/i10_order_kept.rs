//! I10: the events of one publisher about one subject are numbered without gap, and a late event overwrites no newer one.

use super::verdict::{Finding, require};
use crate::collect::evidence::rows::{Evidence, Stored, UserEvent};
use std::collections::HashMap;
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I10", "the order of one publisher's events about one subject is kept");
    are_numbered(&mut finding, evidence);
    contacts_are_newest(&mut finding, evidence);
    finding
}

/// From 1 to the last number that the publisher has used, with times in the same order.
fn are_numbered(finding: &mut Finding, evidence: &Evidence) {
    let mut series: HashMap<(&str, Uuid), Vec<&Stored>> = HashMap::new();
    for event in &evidence.stored {
        series.entry((&event.source, event.subject)).or_default().push(event);
    }
    for ((source, subject), events) in &mut series {
        events.sort_unstable_by_key(|event| event.sequence);
        let numbers = || events.iter().map(|event| event.sequence);
        require!(
            finding,
            numbers().eq((1..).take(events.len())),
            "{source}'s events about {subject} are numbered {:?}",
            numbers().collect::<Vec<i64>>()
        );
        require!(
            finding,
            events.is_sorted_by_key(|event| event.at),
            "the times of {source}'s events about {subject} are not in the order of their numbers"
        );
    }
    for (service, rows) in &evidence.messaging {
        for (subject, last) in &rows.sequences {
            let newest = series.get(&(*service, *subject)).and_then(|events| events.last());
            let newest = newest.map(|event| event.sequence);
            require!(
                finding,
                newest == Some(*last),
                "{service} has numbered {last} events about {subject}, and the newest that arrived is {newest:?}"
            );
        }
    }
}

/// A contact has the data of the user's last event, and so has the user.
fn contacts_are_newest(finding: &mut Finding, evidence: &Evidence) {
    let mut newest: HashMap<Uuid, &UserEvent> = HashMap::new();
    for event in &evidence.user_events {
        let known = newest.entry(event.user).or_insert(event);
        if known.sequence < event.sequence {
            *known = event;
        }
    }
    for (id, user) in &evidence.users {
        let (event, contact) = (newest.get(id), evidence.contacts.get(id));
        let is_same = event.zip(contact).is_some_and(|(event, contact)| {
            let last = (contact.sequence, &contact.email, &contact.name);
            last == (event.sequence, &event.email, &event.name) && last == (event.sequence, &user.email, &user.name)
        });
        require!(
            finding,
            is_same,
            "user {id} is {user:?}, the last event is {event:?}, and the contact is {contact:?}"
        );
    }
    for id in evidence.contacts.keys() {
        require!(
            finding,
            evidence.users.contains_key(id),
            "there is a contact of user {id}, who does not exist"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{check::sample::violations, collect::evidence::rows::Evidence};

    #[test]
    fn a_gap_a_repetition_and_a_lost_end_are_found() {
        assert_eq!(
            violations(check, |evidence| evidence
                .stored
                .retain(|event| &*event.event_type != "order.confirmed")),
            2
        );
        assert_eq!(violations(check, |evidence| evidence.stored[0].sequence += 1), 1);
        assert_eq!(
            violations(check, |evidence| evidence
                .stored
                .retain(|event| &*event.event_type != "order.delivered")),
            1
        );
    }

    #[test]
    fn times_out_of_order_are_found() {
        let early = |evidence: &mut Evidence| {
            for event in &mut evidence.stored {
                if &*event.event_type == "order.delivered" {
                    event.at -= chrono::Duration::days(1);
                }
            }
        };
        assert_eq!(violations(check, early), 1);
    }

    #[test]
    fn a_stale_contact_is_found() {
        let stale = |evidence: &mut Evidence| {
            for contact in evidence.contacts.values_mut() {
                contact.name = "Ada".to_owned();
                contact.sequence = 1;
            }
        };
        assert_eq!(violations(check, stale), 1);
        assert_eq!(violations(check, |evidence| evidence.contacts.clear()), 1);
        assert_eq!(
            violations(check, |evidence| evidence
                .users
                .values_mut()
                .for_each(|user| user.name = "Eve".to_owned())),
            1
        );
    }
}
