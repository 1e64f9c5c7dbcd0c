//! I11: every dead letter is stored with all that an operator needs, and only the run's poison messages are among them.
//!
//! Whatever the reason that a consumer gives, an outage, a busy database and a crash are no event's fault: a stored letter with
//! another body than the run's own poison, in another queue than that reaches, or one that is on its way to be stored, is found. No
//! operator resolves any during a run.

use super::verdict::Finding;
use crate::collect::evidence::rows::{DeadLetter, Evidence};
use chrono::{DateTime, Utc};
use platform_client::description::services;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new(
        "I11",
        "dead letters are complete, and only poison messages are among them",
    );
    for queue in evidence.broker.queues.iter().filter(|queue| queue.is_of_dead_letters()) {
        finding.expect(queue.is_empty(), || format!("{queue}, which no service has stored"));
    }
    for service in services() {
        let rows = evidence.messaging.get(&*service.name);
        for letter in rows.map_or(&[][..], |rows| &rows.dead_letters) {
            finding.expect(is_complete(letter, service.queue.as_deref()), || {
                format!(
                    "a dead letter of {} is not complete: {}",
                    service.name,
                    describe(letter)
                )
            });
            finding.expect(letter.is_one_of(&evidence.poison), || {
                format!("an unexpected dead letter: {}", describe(letter))
            });
        }
    }
    for poison in evidence.poison.iter().filter(|poison| poison.published) {
        for queue in &poison.queues {
            let is_there = evidence
                .messaging
                .values()
                .flat_map(|rows| &rows.dead_letters)
                .any(|letter| letter.queue == *queue && letter.body == poison.body);
            finding.expect(is_there, || {
                format!(
                    "the poison message {:?} that reached {queue} is not among its dead letters",
                    String::from_utf8_lossy(&poison.body)
                )
            });
        }
    }
    finding
}

/// It has reason, number of tries, queue, and the id of the event if it is one.
fn is_complete(letter: &DeadLetter, queue: Option<&str>) -> bool {
    let reason = letter.reason.trim();
    let has_reason = !reason.is_empty() && reason != "unknown";
    has_reason && letter.attempts >= 1 && queue == Some(&letter.queue) && letter.event_id == event_id(&letter.body)
}

/// The id of the event in these bytes; `None` if any part of an event is missing.
fn event_id(body: &[u8]) -> Option<Uuid> {
    let event: Envelope = serde_json::from_slice(body).ok()?;
    Some(event.metadata.event_id)
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "an event must have them")]
struct Envelope {
    #[serde(rename = "type")]
    event_type: String,
    data: Value,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "an event must have them")]
struct Metadata {
    event_id: Uuid,
    timestamp: DateTime<Utc>,
    source: String,
    version: String,
    correlation_id: String,
    causation_id: String,
    subject: Uuid,
    sequence: i64,
}

fn describe(letter: &DeadLetter) -> String {
    let DeadLetter {
        id,
        queue,
        event_id,
        event_type,
        reason,
        attempts,
        body,
    } = letter;
    let start: String = String::from_utf8_lossy(body).chars().take(100).collect();
    format!("{id} of {queue}, {event_type:?} {event_id:?}, after {attempts} tries: {reason:?}; body {start:?}")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{
        check::sample::{self, rows_of},
        collect::{
            evidence::{
                broker::Queue,
                rows::{DeadLetter, Evidence},
            },
            expectations::Poison,
        },
    };

    const QUEUE: &str = "payment-queue";

    fn with_poison(doctor: impl FnOnce(&mut DeadLetter)) -> Evidence {
        let mut evidence = sample::consistent();
        let mut letter = sample::dead_letter(QUEUE, None);
        evidence.poison.push(Poison {
            body: letter.body.clone(),
            queues: vec![QUEUE.to_owned()],
            published: true,
        });
        doctor(&mut letter);
        rows_of(&mut evidence, "payment-service").dead_letters.push(letter);
        evidence
    }

    #[test]
    fn an_expected_poison_message_is_no_violation() {
        assert_eq!(check(&sample::consistent()).violations, 0);
        let finding = check(&with_poison(|_| {}));
        assert_eq!(finding.violations, 0, "{:?}", finding.examples);
    }

    #[test]
    fn an_incomplete_dead_letter_is_found() {
        assert_eq!(
            check(&with_poison(|letter| letter.reason = " ".to_owned())).violations,
            1
        );
        assert_eq!(
            check(&with_poison(|letter| letter.reason = "unknown".to_owned())).violations,
            1
        );
        assert_eq!(check(&with_poison(|letter| letter.attempts = 0)).violations, 1);
        assert_eq!(
            check(&with_poison(|letter| letter.event_id = Some(uuid::Uuid::nil()))).violations,
            1
        );
        // It is then missing in its expected queue, too.
        assert!(check(&with_poison(|letter| letter.queue = "order-queue".to_owned())).violations >= 2);
    }

    #[test]
    fn an_unexpected_dead_letter_is_found() {
        let mut evidence = with_poison(|_| {});
        evidence.poison.clear();
        assert_eq!(check(&evidence).violations, 1);
    }

    #[test]
    fn a_missing_poison_message_and_a_full_queue_are_found() {
        let mut evidence = with_poison(|_| {});
        rows_of(&mut evidence, "payment-service").dead_letters.clear();
        assert_eq!(check(&evidence).violations, 1);
        // It is unknown whether the broker has it.
        evidence.poison[0].published = false;
        assert_eq!(check(&evidence).violations, 0);
        let mut evidence = sample::consistent();
        evidence.broker.queues.push(Queue {
            name: "payment-queue.dlq".to_owned(),
            ready: Some(1),
            unacknowledged: Some(0),
        });
        assert_eq!(check(&evidence).violations, 1);
    }
}
