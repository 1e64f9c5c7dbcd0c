//! The relay: publishes the outbox, and forgets a row only after the broker has confirmed that very row.
//!
//! One instance relays at a time ([`Leader`]). It works in waves: the oldest waiting row of each subject, published
//! without waiting for each other, then all their confirms awaited. That keeps a subject's events in order and the
//! round trips few.

use super::{
    broker::{Broker, BrokerError},
    leader::Leader,
    outbox::{self, OutboxRow},
};
use crate::database::Database;
use futures_util::future::join_all;
use lapin::{
    BasicProperties, Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many rows are read at once, which also bounds the confirms in flight.
const BATCH_ROWS: i64 = 500;
/// How often the outbox is looked at when nobody has woken the relay.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long a confirm may take while the broker is not blocked.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// The background task that publishes one service's outbox.
#[derive(Debug, Clone)]
pub struct Relay {
    database: Database,
    broker: Broker,
    leading: Arc<AtomicBool>,
}

/// What became of a wave.
#[derive(Debug, Default)]
struct WaveOutcome {
    published: Vec<i64>,
    refused: Vec<i64>,
    reason: String,
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Relay {
    /// The relay of `database`'s outbox.
    pub fn new(database: Database, broker: Broker) -> Self {
        Self {
            database,
            broker,
            leading: Arc::default(),
        }
    }

    /// Whether this instance is the one that relays.
    pub fn is_leading(&self) -> bool {
        self.leading.load(Ordering::Relaxed)
    }

    /// Publishes until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut backoff = BACKOFF_MIN;
        while !stop.is_cancelled() {
            let Some(mut leader) = Leader::elect(&self.database, "relay", &stop).await else {
                return;
            };
            self.leading.store(true, Ordering::Relaxed);
            while let Err(error) = self.lead(&mut leader, &stop, &mut backoff).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the relay starts anew");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = (backoff * 2).min(BACKOFF_MAX);
                if matches!(error, RelayError::Database(_)) || stop.is_cancelled() {
                    break;
                }
            }
            self.leading.store(false, Ordering::Relaxed);
        }
    }

    async fn lead(
        &self,
        leader: &mut Leader,
        stop: &CancellationToken,
        backoff: &mut Duration,
    ) -> Result<(), RelayError> {
        // The lock is tried before the broker is, so that a leader without a broker does not idle out of its session.
        leader.check().await?;
        let channel = self.broker.publishing.channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(BrokerError::from)?;
        loop {
            let rows = outbox::next(leader.connection(), BATCH_ROWS).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|count| count == BATCH_ROWS);
            self.publish(leader, &channel, rows, stop).await?;
            *backoff = BACKOFF_MIN;
            if stop.is_cancelled() {
                return Ok(());
            }
            if !full {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.database.wake().relay.notified() => {}
                    () = tokio::time::sleep(POLL_INTERVAL) => {}
                }
            }
        }
    }

    async fn publish(
        &self,
        leader: &mut Leader,
        channel: &Channel,
        rows: Vec<OutboxRow>,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        let mut waiting = VecDeque::from(rows);
        let mut held: HashSet<Uuid> = HashSet::new();
        while !waiting.is_empty() {
            let wave = next_wave(&mut waiting, &held);
            let outcome = self.publish_wave(leader, channel, &wave, stop).await?;
            if !outcome.published.is_empty() {
                outbox::mark_published(leader.connection(), &outcome.published).await?;
                metrics::counter!("outbox_published_total").increment(outcome.published.len() as u64);
            }
            if !outcome.refused.is_empty() {
                tracing::error!(rows = ?outcome.refused, reason = %outcome.reason, "the broker did not take these events");
                outbox::hold(leader.connection(), &outcome.refused, &outcome.reason).await?;
                metrics::counter!("outbox_refused_total").increment(outcome.refused.len() as u64);
                held.extend(
                    wave.iter()
                        .filter(|row| outcome.refused.contains(&row.id))
                        .filter_map(|row| row.subject),
                );
            }
        }
        Ok(())
    }

    async fn publish_wave(
        &self,
        leader: &mut Leader,
        channel: &Channel,
        wave: &[OutboxRow],
        stop: &CancellationToken,
    ) -> Result<WaveOutcome, RelayError> {
        let mut confirms = Vec::with_capacity(wave.len());
        for row in wave {
            confirms.push(send(channel, row, self.database.source()).await?);
        }
        let mut confirms = std::pin::pin!(join_all(confirms));
        loop {
            if let Ok(confirmations) = timeout(CONFIRM_TIMEOUT, &mut confirms).await {
                return Ok(judge(wave, confirmations)?);
            }
            // A blocked broker confirms after its alarm; sending the wave again would only add duplicates.
            if !self.broker.publishing.is_blocked().await || stop.is_cancelled() {
                self.broker.publishing.discard().await;
                return Err(BrokerError::Timeout(CONFIRM_TIMEOUT).into());
            }
            leader.check().await?;
        }
    }
}

/// Takes the first waiting row of each subject; what stands behind a held subject is dropped from this round.
fn next_wave(waiting: &mut VecDeque<OutboxRow>, held: &HashSet<Uuid>) -> Vec<OutboxRow> {
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

#[expect(clippy::disallowed_methods, reason = "the relay is what publishes")]
async fn send(channel: &Channel, row: &OutboxRow, source: &'static str) -> Result<PublisherConfirm, BrokerError> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let (exchange, key) = (row.exchange.as_str().into(), row.routing_key.as_str().into());
    Ok(channel
        .basic_publish(exchange, key, options, &row.body, properties(row, source))
        .await?)
}

fn properties(row: &OutboxRow, source: &'static str) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &row.traceparent {
        headers.insert("traceparent".into(), AMQPValue::LongString(traceparent.as_str().into()));
    }
    BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(row.event_id.to_string().into())
        .with_type(row.event_type.as_str().into())
        .with_app_id(source.into())
        .with_correlation_id(row.correlation_id.as_str().into())
        .with_timestamp(u64::try_from(row.created_at.timestamp()).unwrap_or_default())
        .with_headers(headers)
}

/// Tells published rows from refused ones once every confirm of the wave is there.
///
/// lapin hands a returned message to whichever confirm completes next, not to its own (4.12.3, `acknowledgement.rs`), so
/// a return is matched by the message id it carries, over the whole wave. A broken channel leaves the wave unknown: it
/// is published again, and the inbox of each consumer absorbs the repetition.
fn judge(wave: &[OutboxRow], confirmations: Vec<lapin::Result<Confirmation>>) -> Result<WaveOutcome, BrokerError> {
    let mut returned = HashSet::new();
    let mut acked = Vec::new();
    let mut outcome = WaveOutcome::default();
    for (row, confirmation) in wave.iter().zip(confirmations) {
        match confirmation? {
            Confirmation::Ack(message) => {
                acked.push(row);
                returned.extend(message.and_then(|message| returned_id(&message, &mut outcome.reason)));
            }
            Confirmation::Nack(message) => {
                outcome.refused.push(row.id);
                "refused by a queue (nack)".clone_into(&mut outcome.reason);
                returned.extend(message.and_then(|message| returned_id(&message, &mut outcome.reason)));
            }
            Confirmation::NotRequested => return Err(BrokerError::Refused("confirms are off".to_owned())),
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
    Ok(outcome)
}

fn returned_id(message: &lapin::message::BasicReturnMessage, reason: &mut String) -> Option<Uuid> {
    *reason = format!("returned: {} {}", message.reply_code, message.reply_text);
    message.delivery.properties.message_id().as_ref()?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, subject: Uuid) -> OutboxRow {
        OutboxRow {
            id,
            event_id: crate::id::new(),
            exchange: String::new(),
            routing_key: String::new(),
            event_type: String::new(),
            subject: Some(subject),
            body: Vec::new(),
            correlation_id: String::new(),
            traceparent: None,
            created_at: crate::clock::now(),
        }
    }

    #[test]
    fn a_wave_holds_one_row_of_each_subject_and_nothing_behind_a_refused_one() {
        let (a, b) = (crate::id::new(), crate::id::new());
        let mut waiting = VecDeque::from([row(1, a), row(2, b), row(3, a), row(4, b)]);
        let ids = |wave: &[OutboxRow]| wave.iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&next_wave(&mut waiting, &HashSet::new())), [1, 2]);
        assert_eq!(ids(&next_wave(&mut waiting, &HashSet::from([a]))), [4]);
        assert!(waiting.is_empty());
    }
}
