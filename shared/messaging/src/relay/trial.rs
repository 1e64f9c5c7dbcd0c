//! A trial: one row on a channel of its own, so that a refusal costs no other row its confirm.

use super::message::{open, publish};
use crate::{
    broker::{Broker, BrokerError},
    outbox::OutboxRow,
};
use futures_util::future::BoxFuture;
use kernel::chain;
use lapin::{Channel, Confirmation};

/// A trial that has ended.
#[derive(Debug)]
pub(super) struct Trial {
    /// The channel, if it is still open.
    pub(super) channel: Option<Channel>,
    pub(super) row: OutboxRow,
    /// `None` if the row was confirmed, or the broker's reason to refuse it. An error says nothing about the row.
    pub(super) outcome: Result<Option<String>, BrokerError>,
}

/// Publishes a row on `channel`, or on a new one.
pub(super) fn run(
    channel: Option<Channel>,
    broker: Broker,
    row: OutboxRow,
    source: &'static str,
) -> BoxFuture<'static, Trial> {
    Box::pin(async move {
        let channel = match channel.filter(|channel| channel.status().connected()) {
            Some(channel) => Ok(channel),
            None => open(&broker).await,
        };
        let channel = match channel {
            Ok(channel) => channel,
            Err(error) => {
                return Trial {
                    channel: None,
                    row,
                    outcome: Err(error),
                };
            }
        };
        let completion = publish(channel.clone(), 0, row, source).await;
        let outcome = match completion.outcome {
            Ok(Confirmation::Ack(None)) => Ok(None),
            Ok(Confirmation::Ack(Some(returned))) => Ok(Some(format!(
                "returned: {} {}",
                returned.reply_code, returned.reply_text
            ))),
            Ok(Confirmation::Nack(_)) => Ok(Some("refused by a queue (nack)".to_owned())),
            Ok(Confirmation::NotRequested) => Err(BrokerError::Refused("confirms are off".to_owned())),
            Err(error) if error.is_about_the_message() => Ok(Some(chain(&error))),
            Err(error) => Err(error),
        };
        Trial {
            channel: channel.status().connected().then_some(channel),
            row: completion.row,
            outcome,
        }
    })
}
