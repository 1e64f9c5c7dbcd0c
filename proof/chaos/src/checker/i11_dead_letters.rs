//! I11: whatever died is on record with all that an operator needs, and nothing died but what had to.

use super::{
    Finding, deaths,
    evidence::{DeadLetter, Evidence},
    sources::SERVICES,
};

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new(
        "I11",
        "dead letters are complete, and only what had to die is among them",
    );
    for queue in evidence.broker.queues.iter().filter(|queue| queue.is_of_dead_letters()) {
        finding.expect(queue.is_empty(), || format!("{queue}, which no service has taken in"));
    }
    for service in &SERVICES {
        let rows = evidence.messaging.get(service.name);
        for letter in rows.map_or(&[][..], |rows| &rows.dead_letters) {
            finding.expect(is_complete(letter, service.queue), || {
                format!(
                    "a dead letter of {} is not complete: {}",
                    service.name,
                    describe(letter)
                )
            });
            let is_settled = &*letter.status != "waiting" || letter.is_one_of(&evidence.poison);
            finding.expect(is_settled, || {
                format!("a dead letter that nobody expected: {}", describe(letter))
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
                let body = String::from_utf8_lossy(&poison.body);
                format!("the rubbish {body:?} that reached {queue} is not among its dead letters")
            });
        }
    }
    finding
}

/// Why, after how many tries, from where, and which event where it is one.
fn is_complete(letter: &DeadLetter, queue: Option<&str>) -> bool {
    let reason = letter.reason.trim();
    let has_reason = !reason.is_empty() && reason != "unknown";
    has_reason
        && letter.attempts >= 1
        && queue == Some(&letter.queue)
        && letter.event_id == deaths::event_id(&letter.body)
}

fn describe(letter: &DeadLetter) -> String {
    let DeadLetter {
        id,
        queue,
        event_id,
        event_type,
        reason,
        attempts,
        status,
        body,
        ..
    } = letter;
    let start: String = String::from_utf8_lossy(body).chars().take(100).collect();
    format!(
        "{id} of {queue}, {status}, {event_type:?} {event_id:?}, after {attempts} tries: {reason:?}; body {start:?}"
    )
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::{
        Poison,
        evidence::{DeadLetter, Evidence, broker::Queue},
        sample,
    };

    const QUEUE: &str = "payment-queue";

    fn with_rubbish(doctor: impl FnOnce(&mut DeadLetter)) -> Evidence {
        let mut evidence = sample::consistent();
        let mut letter = sample::dead_letter(QUEUE, None);
        evidence.poison.push(Poison {
            body: letter.body.clone(),
            queues: vec![QUEUE.to_owned()],
            published: true,
        });
        doctor(&mut letter);
        evidence
            .messaging
            .get_mut("payment-service")
            .unwrap()
            .dead_letters
            .push(letter);
        evidence
    }

    #[test]
    fn expected_rubbish_is_found_so() {
        assert_eq!(check(&sample::consistent()).violations, 0);
        let finding = check(&with_rubbish(|_| {}));
        assert_eq!(finding.violations, 0, "{:?}", finding.examples);
    }

    #[test]
    fn a_dead_letter_is_complete() {
        assert_eq!(
            check(&with_rubbish(|letter| letter.reason = " ".to_owned())).violations,
            1
        );
        assert_eq!(
            check(&with_rubbish(|letter| letter.reason = "unknown".to_owned())).violations,
            1
        );
        assert_eq!(check(&with_rubbish(|letter| letter.attempts = 0)).violations, 1);
        assert_eq!(
            check(&with_rubbish(|letter| letter.event_id = Some(uuid::Uuid::nil()))).violations,
            1
        );
        // Another queue is also not where it was expected.
        assert!(check(&with_rubbish(|letter| letter.queue = "order-queue".to_owned())).violations >= 2);
    }

    #[test]
    fn what_nobody_expects_is_found_until_it_is_settled() {
        let mut evidence = with_rubbish(|_| {});
        evidence.poison.clear();
        assert_eq!(check(&evidence).violations, 1);
        let rows = evidence.messaging.get_mut("payment-service").unwrap();
        rows.dead_letters[0].status = "discarded".into();
        assert_eq!(check(&evidence).violations, 0);
    }

    #[test]
    fn rubbish_that_is_not_there_and_a_full_queue_are_found() {
        let mut evidence = with_rubbish(|_| {});
        evidence
            .messaging
            .get_mut("payment-service")
            .unwrap()
            .dead_letters
            .clear();
        assert_eq!(check(&evidence).violations, 1);
        // Nobody knows whether the broker has it.
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
