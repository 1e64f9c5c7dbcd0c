//! I10: the events of one publisher about one subject are numbered without gap, committed and published in that order, and a
//! late event overwrites no newer one.

use super::verdict::Finding;
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
        finding.expect(numbers().eq((1..).take(events.len())), || {
            format!(
                "{source}'s events about {subject} are numbered {:?}",
                numbers().collect::<Vec<i64>>()
            )
        });
        finding.expect(events.is_sorted_by_key(|event| event.at), || {
            format!("the times of {source}'s events about {subject} are not in the order of their numbers")
        });
    }
    are_published_in_order(finding, evidence, &series);
    for (service, rows) in &evidence.messaging {
        for (subject, last) in &rows.sequences {
            let newest = series.get(&(*service, *subject)).and_then(|events| events.last());
            let newest = newest.map(|event| event.sequence);
            finding.expect(newest == Some(*last), || {
                format!(
                    "{service} has numbered {last} events about {subject}, and the newest that arrived is {newest:?}"
                )
            });
        }
    }
}

/// `series` is sorted.
fn are_published_in_order(finding: &mut Finding, evidence: &Evidence, series: &HashMap<(&str, Uuid), Vec<&Stored>>) {
    for ((source, subject), events) in series {
        let published = evidence.messaging.get(source).map(|rows| &rows.published);
        let times = events
            .iter()
            .filter_map(|event| Some(published?.get(&event.event)?.confirmed_at));
        finding.expect(times.is_sorted(), || {
            format!("{source}'s events about {subject} were not published in the order of their numbers")
        });
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
        finding.expect(is_same, || {
            format!("user {id} is {user:?}, the last event is {event:?}, and the contact is {contact:?}")
        });
    }
    for id in evidence.contacts.keys() {
        finding.expect(evidence.users.contains_key(id), || {
            format!("there is a contact of user {id}, who does not exist")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
    };

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
    fn an_event_that_was_published_before_an_earlier_one_is_found() {
        let overtaken = |evidence: &mut Evidence| {
            let event = sample::id_of(evidence, "order.delivered");
            let rows = sample::rows_of(evidence, "order-service");
            rows.published.get_mut(&event).unwrap().confirmed_at -= chrono::Duration::days(1);
        };
        assert_eq!(violations(check, overtaken), 1);
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
