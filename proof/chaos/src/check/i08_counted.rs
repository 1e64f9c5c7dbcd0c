//! I8: analytics is the sum of all published events.

use super::verdict::{Finding, require};
use crate::collect::evidence::rows::{Evidence, Hour, Published, Stored};
use chrono::Timelike;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I8", "analytics has every event, and counts them correctly");
    let published: HashMap<Uuid, (&str, &Published)> = evidence
        .published()
        .map(|(service, id, event)| (id, (service, event)))
        .collect();
    let mut stored: HashMap<Uuid, &Stored> = HashMap::new();
    for event in &evidence.stored {
        stored.insert(event.event, event);
        let origin = published.get(&event.event);
        require!(
            finding,
            origin.is_some_and(|(service, known)| is_same(event, service, known)),
            "analytics has {event:?}, and what was published is {origin:?}"
        );
    }
    for (id, (service, event)) in &published {
        let (event_type, subject) = (&event.event_type, event.subject);
        require!(
            finding,
            stored.contains_key(id),
            "analytics misses {event_type} {id} about {subject}, from {service}"
        );
    }
    counters_agree(&mut finding, evidence);
    finding
}

fn is_same(stored: &Stored, service: &str, published: &Published) -> bool {
    let Published {
        event_type,
        subject,
        at,
    } = published;
    &*stored.source == service && stored.event_type == *event_type && stored.subject == *subject && stored.at == *at
}

fn counters_agree(finding: &mut Finding, evidence: &Evidence) {
    let mut sums: BTreeMap<Hour, i64> = BTreeMap::new();
    for (.., event) in evidence.published() {
        let hour = i16::try_from(event.at.hour()).unwrap_or(i16::MAX);
        let counter = (event.at.date_naive(), hour, event.event_type.clone());
        *sums.entry(counter).or_default() += 1;
    }
    let counted = &evidence.counters;
    for hour in sums
        .keys()
        .chain(counted.keys().filter(|hour| !sums.contains_key(*hour)))
    {
        let (ours, theirs) = (sums.get(hour), counted.get(hour));
        let (day, hour, event_type) = hour;
        require!(
            finding,
            ours == theirs,
            "{event_type} on {day} in hour {hour}: {ours:?} were published, {theirs:?} counted"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::check::sample::violations;

    #[test]
    fn a_missing_and_a_changed_event_are_found() {
        assert_eq!(violations(check, |evidence| drop(evidence.stored.pop())), 1);
        assert_eq!(
            violations(check, |evidence| evidence.stored[0].subject = uuid::Uuid::nil()),
            1
        );
        assert_eq!(
            violations(check, |evidence| evidence.stored[0].event = uuid::Uuid::nil()),
            2
        );
    }

    #[test]
    fn a_wrong_count_is_found() {
        assert_eq!(
            violations(check, |evidence| *evidence.counters.values_mut().next().unwrap() += 1),
            1
        );
        assert_eq!(violations(check, |evidence| drop(evidence.counters.pop_first())), 1);
    }
}
