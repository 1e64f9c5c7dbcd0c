//! A wave of publishes: the rows that go together, and the classification of their confirms.

use crate::{broker::BrokerError, outbox::OutboxRow};
use kernel::chain;
use lapin::Confirmation;
use std::collections::{HashSet, VecDeque};
use uuid::Uuid;

/// The outcome of a wave. Rows in neither list have an unknown fate and are published again.
#[derive(Debug, Default)]
pub(super) struct WaveOutcome {
    pub(super) published: Vec<i64>,
    pub(super) refused: Vec<i64>,
    pub(super) reason: String,
    pub(super) interrupted: Option<BrokerError>,
}

/// A row's confirm, or the error in its place.
pub(super) type Confirmed = Result<Confirmation, BrokerError>;

/// Takes the first waiting row of each subject; rows behind a held subject are dropped from this round.
pub(super) fn next_wave(waiting: &mut VecDeque<OutboxRow>, held: &HashSet<Uuid>) -> Vec<OutboxRow> {
    let mut wave = Vec::new();
    let mut seen = HashSet::new();
    for row in std::mem::take(waiting) {
        match row.subject {
            Some(subject) if held.contains(&subject) => {}
            Some(subject) if !seen.insert(subject) => waiting.push_back(row),
            _ => wave.push(row),
        }
    }
    wave
}

/// Classifies the rows of a wave as published or refused.
///
/// lapin hands a returned message to the next confirm that completes, not to its own (4.12.3, `acknowledgement.rs`), so a
/// return is matched by the message id it carries, over the whole wave. It is handed over before or with its own row's
/// confirm, so confirms that came before an error count. The other rows are published again, and each consumer's inbox
/// absorbs the repetition.
pub(super) fn classify(wave: &[OutboxRow], confirmations: Vec<Option<Confirmed>>) -> WaveOutcome {
    let mut returned = HashSet::new();
    let mut acked = Vec::new();
    let mut outcome = WaveOutcome::default();
    for (row, confirmed) in wave.iter().zip(confirmations) {
        match confirmed {
            Some(Ok(Confirmation::Ack(message))) => {
                acked.push(row);
                returned.extend(message.and_then(|message| returned_id(&message, &mut outcome.reason)));
            }
            Some(Ok(Confirmation::Nack(message))) => {
                outcome.refused.push(row.id);
                "refused by a queue (nack)".clone_into(&mut outcome.reason);
                returned.extend(message.and_then(|message| returned_id(&message, &mut outcome.reason)));
            }
            // Alone in its wave, the row is what the broker refuses: the others must not wait behind it.
            Some(Err(error)) if wave.len() == 1 && error.is_about_the_message() => {
                outcome.refused.push(row.id);
                outcome.reason = chain(&error);
                outcome.interrupted = Some(error);
            }
            Some(Err(error)) => outcome.interrupted = Some(error),
            Some(Ok(Confirmation::NotRequested)) => {
                outcome.interrupted = Some(BrokerError::Refused("confirms are off".to_owned()));
            }
            None => {}
        }
    }
    for row in acked {
        let fate = if returned.contains(&row.event_id) {
            &mut outcome.refused
        } else {
            &mut outcome.published
        };
        fate.push(row.id);
    }
    outcome
}

fn returned_id(message: &lapin::message::BasicReturnMessage, reason: &mut String) -> Option<Uuid> {
    *reason = format!("returned: {} {}", message.reply_code, message.reply_text);
    message.delivery.properties.message_id().as_ref()?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::{
        BasicProperties,
        message::{BasicReturnMessage, Delivery},
    };
    use std::time::Duration;

    fn row(id: i64, subject: Uuid) -> OutboxRow {
        OutboxRow {
            id,
            event_id: kernel::id::new(),
            exchange: String::new(),
            routing_key: String::new(),
            event_type: String::new(),
            subject: Some(subject),
            body: Vec::new(),
            correlation_id: String::new(),
            traceparent: None,
            created_at: kernel::clock::now(),
        }
    }

    #[test]
    fn a_wave_holds_one_row_of_each_subject_and_nothing_behind_a_refused_one() {
        let (a, b) = (kernel::id::new(), kernel::id::new());
        let mut waiting = VecDeque::from([row(1, a), row(2, b), row(3, a), row(4, b)]);
        let ids = |wave: &[OutboxRow]| wave.iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&next_wave(&mut waiting, &HashSet::new())), [1, 2]);
        assert_eq!(ids(&next_wave(&mut waiting, &HashSet::from([a]))), [4]);
        assert!(waiting.is_empty());
    }

    /// lapin's behaviour with two confirms in flight: the first takes the message that belongs to the second.
    #[test]
    fn a_return_that_came_with_another_rows_confirm_counts_for_its_own_row() {
        let wave = [row(1, kernel::id::new()), row(2, kernel::id::new())];
        let mut delivery = Delivery::mock(1, "".into(), "lost".into(), false, Vec::new());
        delivery.properties = BasicProperties::default().with_message_id(wave[1].event_id.to_string().into());
        let returned = BasicReturnMessage {
            delivery,
            reply_code: 312,
            reply_text: "NO_ROUTE".into(),
        };
        let confirms = vec![
            Some(Ok(Confirmation::Ack(Some(returned)))),
            Some(Ok(Confirmation::Ack(None))),
        ];
        let outcome = classify(&wave, confirms);
        assert_eq!((outcome.published, outcome.refused), (vec![1], vec![2]));
        assert!(outcome.interrupted.is_none());
    }

    #[test]
    fn rows_confirmed_before_the_channel_broke_are_published_and_the_rest_are_not() {
        let wave = [
            row(1, kernel::id::new()),
            row(2, kernel::id::new()),
            row(3, kernel::id::new()),
        ];
        let broken = Err(BrokerError::Timeout(Duration::from_secs(10)));
        let outcome = classify(&wave, vec![Some(Ok(Confirmation::Ack(None))), Some(broken), None]);
        assert_eq!((outcome.published, outcome.refused), (vec![1], vec![]));
        assert!(outcome.interrupted.is_some());
    }

    #[test]
    fn a_row_that_breaks_the_channel_alone_is_held() {
        let wave = [row(1, kernel::id::new())];
        let broken = Err(BrokerError::Timeout(Duration::from_secs(10)));
        let outcome = classify(&wave, vec![Some(broken)]);
        assert_eq!((outcome.published, outcome.refused), (vec![], vec![1]));
    }
}
