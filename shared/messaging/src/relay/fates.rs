//! The fates of the rows in flight, from the broker's confirms.
//!
//! lapin hands a returned message to the next confirm that completes, not to its own (4.12.3, `acknowledgement.rs`), so a
//! return is matched by the message id it carries. The broker sends a return before the row's own confirm, so the return is
//! handed over with that confirm at the latest, unless several wait at once. A confirm that carries another row's return says
//! that several may have waited: its own row is decided when everything that was in flight with it has completed.

use super::message::Completion;
use crate::{broker::BrokerError, outbox::OutboxRow};
use lapin::{Confirmation, message::BasicReturnMessage};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The fate of one row.
#[derive(Debug)]
pub(super) enum Fate {
    /// Confirmed and routed.
    Published(OutboxRow),
    /// Returned, or refused by a queue; the reason is the broker's.
    Refused(OutboxRow, String),
    /// The channel broke first. It is published again, and each consumer's inbox absorbs the repetition.
    Unknown(OutboxRow, BrokerError),
}

/// The rows in flight on one channel, by the number of their publishing.
#[derive(Debug, Default)]
pub(super) struct Fates {
    last: u64,
    in_flight: BTreeSet<u64>,
    returned: HashMap<Uuid, String>,
    /// Rows acknowledged with another row's return, and the last publishing that was in flight then.
    undecided: Vec<(u64, OutboxRow)>,
}

impl Fates {
    /// Numbers a row that is about to be published.
    pub(super) fn sent(&mut self) -> u64 {
        self.last += 1;
        self.in_flight.insert(self.last);
        self.last
    }

    /// Takes a completion in, in the order of completing. Returns the rows whose fate is known now.
    pub(super) fn complete(&mut self, completion: Completion) -> Vec<Fate> {
        let Completion { number, row, outcome } = completion;
        self.in_flight.remove(&number);
        let mut fates = Vec::new();
        match outcome {
            Ok(Confirmation::Ack(message)) => {
                let other = self.note(message).is_some_and(|id| id != row.event_id);
                if other && !self.returned.contains_key(&row.event_id) {
                    self.undecided.push((self.last, row));
                } else {
                    fates.push(self.decide(row));
                }
            }
            Ok(Confirmation::Nack(message)) => {
                self.note(message);
                self.returned.remove(&row.event_id);
                fates.push(Fate::Refused(row, "refused by a queue (nack)".to_owned()));
            }
            Ok(Confirmation::NotRequested) => {
                fates.push(Fate::Unknown(row, BrokerError::Refused("confirms are off".to_owned())));
            }
            Err(error) => {
                // A return that waits in lapin is handed over by no further confirm.
                let lost = |(_, row)| Fate::Unknown(row, BrokerError::Refused("the channel closed first".to_owned()));
                fates.extend(std::mem::take(&mut self.undecided).into_iter().map(lost));
                fates.push(Fate::Unknown(row, error));
            }
        }
        let oldest = self.in_flight.first().copied().unwrap_or(u64::MAX);
        let (decided, undecided) = std::mem::take(&mut self.undecided)
            .into_iter()
            .partition(|(last, _)| *last < oldest);
        self.undecided = undecided;
        fates.extend(decided.into_iter().map(|(_, row)| self.decide(row)));
        if self.in_flight.is_empty() {
            self.returned.clear();
        }
        fates
    }

    fn decide(&mut self, row: OutboxRow) -> Fate {
        match self.returned.remove(&row.event_id) {
            Some(reason) => Fate::Refused(row, reason),
            None => Fate::Published(row),
        }
    }

    /// Notes a returned message. Returns its id.
    fn note(&mut self, message: Option<BasicReturnMessage>) -> Option<Uuid> {
        let message = message?;
        let reason = format!("returned: {} {}", message.reply_code, message.reply_text);
        // A message without a readable id is none of ours; the nil id stands for it.
        let id = message.properties.message_id().as_ref();
        let id = id.and_then(|id| id.as_str().parse().ok()).unwrap_or_default();
        self.returned.insert(id, reason);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::tests::row;
    use lapin::{BasicProperties, message::Delivery};

    fn ack(number: u64, row: OutboxRow, returned: Option<&OutboxRow>) -> Completion {
        let message = returned.map(|row| {
            let mut delivery = Delivery::mock(number, "events".into(), "lost.key".into(), false, Vec::new());
            delivery.properties = BasicProperties::default().with_message_id(row.event_id.to_string().into());
            BasicReturnMessage {
                delivery,
                reply_code: 312,
                reply_text: "NO_ROUTE".into(),
            }
        });
        Completion {
            number,
            row,
            outcome: Ok(Confirmation::Ack(message)),
        }
    }

    fn text(fates: &[Fate]) -> Vec<(i64, &'static str)> {
        let name = |fate: &Fate| match fate {
            Fate::Published(row) => (row.id, "published"),
            Fate::Refused(row, _) => (row.id, "refused"),
            Fate::Unknown(row, _) => (row.id, "unknown"),
        };
        fates.iter().map(name).collect()
    }

    #[test]
    fn a_return_belongs_to_the_row_that_it_names_and_not_to_the_confirm_that_carries_it() {
        let mut fates = Fates::default();
        let [one, two] = [1, 2].map(|id| row(id, Uuid::from_u128(id.unsigned_abs().into())));
        let numbers = [fates.sent(), fates.sent()];
        // Row 2 is returned; its message comes with the confirm of row 1, which could have been returned as well.
        assert!(fates.complete(ack(numbers[0], one, Some(&two))).is_empty());
        let outcome = fates.complete(ack(numbers[1], two, None));
        assert_eq!(text(&outcome), [(2, "refused"), (1, "published")]);
    }

    #[test]
    fn of_two_returns_that_change_places_neither_row_counts_as_published() {
        let mut fates = Fates::default();
        let [one, two, three] = [1, 2, 3].map(|id| row(id, Uuid::from_u128(id.unsigned_abs().into())));
        let numbers = [fates.sent(), fates.sent(), fates.sent()];
        assert!(fates.complete(ack(numbers[0], one.clone(), Some(&two))).is_empty());
        assert_eq!(
            text(&fates.complete(ack(numbers[1], two, Some(&one)))),
            [(2, "refused")]
        );
        let outcome = fates.complete(ack(numbers[2], three, None));
        assert_eq!(text(&outcome), [(3, "published"), (1, "refused")]);
    }

    #[test]
    fn a_broken_channel_leaves_the_fate_of_its_rows_unknown() {
        let mut fates = Fates::default();
        let number = fates.sent();
        let completion = Completion {
            number,
            row: row(1, Uuid::from_u128(1)),
            outcome: Err(BrokerError::Refused("gone".to_owned())),
        };
        assert_eq!(text(&fates.complete(completion)), [(1, "unknown")]);
    }
}
