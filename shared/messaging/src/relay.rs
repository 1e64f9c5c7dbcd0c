//! The relay: publishes the outbox, and deletes a row only after the broker has confirmed that very row.
//!
//! One instance relays at a time ([`Leader`]). It works in waves: the oldest waiting row of each subject is published
//! without waiting for the others, then all confirms are awaited. That keeps the events of a subject in order and the round
//! trips few.

mod wave;

use crate::{
    broker::{Broker, BrokerError},
    outbox::{self, OutboxRow},
};
use database::{Database, Leader, with_timeout};
use futures_util::{StreamExt, stream::FuturesUnordered};
use kernel::{chain, context::TRACEPARENT_HEADER, failpoint};
use lapin::{
    BasicProperties, Channel, PublisherConfirm,
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
use wave::{Confirmed, WaveOutcome, classify, next_wave};

/// Rows read at once, which also bounds the confirms in flight.
const BATCH_ROWS: i64 = 500;
/// Interval at which the outbox is polled without a signal from a commit.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Limit for a confirm while the broker is not blocked.
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

/// The batch size. After a failure the relay publishes row by row until one passes, which isolates a row at fault.
#[derive(Debug, Clone, Copy)]
struct AdaptiveBatch {
    backoff: Duration,
    row_by_row: bool,
}

impl Default for AdaptiveBatch {
    fn default() -> Self {
        Self {
            backoff: BACKOFF_MIN,
            row_by_row: false,
        }
    }
}

impl AdaptiveBatch {
    fn rows(self) -> i64 {
        if self.row_by_row { 1 } else { BATCH_ROWS }
    }

    fn slow_down(&mut self) {
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        self.row_by_row = true;
    }
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl Relay {
    /// Creates the relay of `database`'s outbox.
    pub fn new(database: Database, broker: Broker) -> Self {
        Self {
            database,
            broker,
            leading: Arc::default(),
        }
    }

    /// Returns true if this instance is the one that relays.
    pub fn is_leading(&self) -> bool {
        self.leading.load(Ordering::Relaxed)
    }

    /// Publishes until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut batch = AdaptiveBatch::default();
        while !stop.is_cancelled() {
            let Some(mut leader) = Leader::elect(&self.database, "relay", &stop).await else {
                return;
            };
            self.leading.store(true, Ordering::Relaxed);
            while let Err(error) = self.lead(&mut leader, &stop, &mut batch).await {
                tracing::warn!(
                    code = "relay.restarted",
                    error = chain(&error),
                    "Relay interrupted; restarting from the outbox"
                );
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(batch.backoff) => {}
                }
                batch.slow_down();
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
        batch: &mut AdaptiveBatch,
    ) -> Result<(), RelayError> {
        // The lock is checked before the broker is, so that a leader without a broker does not idle out of its session.
        leader.check().await?;
        let channel = self.broker.publishing.channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(BrokerError::from)?;
        let mut committed = self.database.signals().subscribe(outbox::TOPIC);
        loop {
            committed.clear();
            let rows = with_timeout(outbox::next(leader.connection(), batch.rows())).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|count| count == batch.rows());
            self.publish(leader, &channel, rows, stop).await?;
            *batch = AdaptiveBatch::default();
            if stop.is_cancelled() {
                return Ok(());
            }
            if !full {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = committed.notified() => {}
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
            let confirmations = self.confirmations(leader, channel, &wave, stop).await?;
            let outcome = classify(&wave, confirmations);
            record(leader, &outcome).await?;
            if let Some(error) = outcome.interrupted {
                return Err(error.into());
            }
            held.extend(
                wave.iter()
                    .filter(|row| outcome.refused.contains(&row.id))
                    .filter_map(|row| row.subject),
            );
        }
        Ok(())
    }

    /// Publishes a wave and collects its confirms: one for each row, as far as they came before an error.
    async fn confirmations(
        &self,
        leader: &mut Leader,
        channel: &Channel,
        wave: &[OutboxRow],
        stop: &CancellationToken,
    ) -> Result<Vec<Option<Confirmed>>, RelayError> {
        failpoint::crash("relay-before-publish");
        let mut confirmations: Vec<Option<Confirmed>> = wave.iter().map(|_| None).collect();
        let mut pending = FuturesUnordered::new();
        for (index, row) in wave.iter().enumerate() {
            match send(channel, row, self.database.service()).await {
                Ok(confirm) => pending.push(async move { (index, confirm.await.map_err(BrokerError::from)) }),
                Err(error) => {
                    confirmations[index] = Some(Err(error));
                    break;
                }
            }
        }
        failpoint::crash("relay-before-confirm");
        loop {
            match timeout(CONFIRM_TIMEOUT, pending.next()).await {
                Ok(Some((index, confirmed))) => confirmations[index] = Some(confirmed),
                Ok(None) => return Ok(confirmations),
                // A blocked broker confirms after its alarm; sending the wave again would only add duplicates.
                Err(_) if self.broker.publishing.is_blocked() && !stop.is_cancelled() => leader.check().await?,
                Err(_) => {
                    self.broker.publishing.discard().await;
                    for confirmation in confirmations.iter_mut().filter(|confirmation| confirmation.is_none()) {
                        *confirmation = Some(Err(BrokerError::Timeout(CONFIRM_TIMEOUT)));
                    }
                    return Ok(confirmations);
                }
            }
        }
    }
}

/// Records the outcome of a wave in the outbox.
async fn record(leader: &mut Leader, outcome: &WaveOutcome) -> Result<(), sqlx::Error> {
    if !outcome.published.is_empty() {
        failpoint::crash("relay-before-mark");
        with_timeout(outbox::mark_published(leader.connection(), &outcome.published)).await?;
        metrics::counter!("outbox_published_total").increment(outcome.published.len() as u64);
    }
    if !outcome.refused.is_empty() {
        tracing::error!(rows = ?outcome.refused, reason = %outcome.reason, "Events refused by the broker are held back");
        with_timeout(outbox::hold(leader.connection(), &outcome.refused, &outcome.reason)).await?;
        metrics::counter!("outbox_refused_total").increment(outcome.refused.len() as u64);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the relay is the one publisher of events")]
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
        headers.insert(
            TRACEPARENT_HEADER.into(),
            AMQPValue::LongString(traceparent.as_str().into()),
        );
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
