//! The subscription to one queue: subscribes, watches, and subscribes again after any error.
//!
//! When it ends, for whatever reason, its channel is closed and its deliveries are no longer its own, also where the broker
//! has only cancelled the consumer. See docs/adr/0015-hold-deliveries-then-give-them-back.md.

use crate::{
    acknowledgements::Acknowledgements,
    broker::{Broker, BrokerError},
    delivery::Delivery,
    health::ConsumerHealth,
};
use database::Database;
use futures_util::StreamExt;
use kernel::{chain, failpoint};
use lapin::{
    Channel,
    message::Delivery as Message,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Interval of a passive declaration of the queue, which notices a connection or a consumer that has gone silent.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);
const WATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without a delivery, while the queue holds messages, after which the consumer counts as dead.
const SILENCE_MAX: Duration = Duration::from_secs(20);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause after which deliveries are given back if the database cannot be reached from here; another instance may do better.
/// The watch notices it, up to one interval later.
const HOLD_MAX: Duration = Duration::from_secs(7);
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A subscription to one queue.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) broker: Broker,
    /// The database that the deliveries are applied to.
    pub(crate) database: Database,
    pub(crate) queue: String,
    /// Limit of unacknowledged deliveries.
    pub(crate) prefetch: u16,
    pub(crate) health: Arc<ConsumerHealth>,
}

#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("the broker cancelled the consumer")]
    Cancelled,
    #[error("the queue holds messages but none is delivered")]
    Silent,
    #[error("the database cannot be reached from here")]
    Database(#[source] sqlx::Error),
}

impl From<lapin::Error> for Interrupted {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(error.into())
    }
}

impl Subscription {
    /// Hands each delivery to `sink` until `stop`, then waits for the unacknowledged ones, at most 10 s.
    pub(crate) async fn run(&self, stop: CancellationToken, sink: impl Fn(Delivery) + Send) {
        let mut backoff = BACKOFF_MIN;
        while !stop.is_cancelled() {
            let started = Instant::now();
            let Err(interrupted) = self.session(&stop, &sink).await else {
                break;
            };
            let (queue, error) = (&self.queue, chain(&interrupted));
            if let Interrupted::Database(_) = interrupted {
                self.until_database_answers(&stop, error).await;
                continue;
            }
            tracing::warn!(
                code = "consumer.interrupted",
                queue,
                error,
                "Consumer interrupted; subscribing again"
            );
            self.health.disconnected(error);
            backoff = if started.elapsed() > BACKOFF_MAX {
                BACKOFF_MIN
            } else {
                (backoff * 2).min(BACKOFF_MAX)
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(backoff) => {}
            }
        }
        self.health.stopped();
    }

    /// Consumes on a channel of its own, which is closed at the end: nothing of one session reaches the next.
    async fn session(&self, stop: &CancellationToken, sink: &(impl Fn(Delivery) + Send)) -> Result<(), Interrupted> {
        let channel = self.broker.consuming.channel().await?;
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let outcome = self.consume(&channel, &ended, stop, sink).await;
        drop(guard);
        if outcome.is_err() {
            // After a cancellation by the broker the channel is open, and would keep its deliveries.
            timeout(CLOSE_TIMEOUT, channel.close(200, "bye".into())).await.ok();
            self.health.drained(DRAIN_TIMEOUT).await;
        }
        outcome
    }

    async fn consume(
        &self,
        channel: &Channel,
        ended: &CancellationToken,
        stop: &CancellationToken,
        sink: &(impl Fn(Delivery) + Send),
    ) -> Result<(), Interrupted> {
        let queue = self.queue.as_str();
        self.check(channel).await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let mut consumer = channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await?;
        tracing::info!(queue, "Consuming");
        self.health.consuming();
        let acknowledgements = Arc::new(Acknowledgements::new(channel.clone()));
        let mut watch = interval(WATCH_INTERVAL);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_delivery = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                delivery = consumer.next() => {
                    let delivery = delivery.ok_or(Interrupted::Cancelled)??;
                    last_delivery = Instant::now();
                    sink(self.delivery(delivery, &acknowledgements, ended));
                }
                _ = watch.tick() => {
                    self.check_database().await?;
                    let ready = self.check(channel).await?;
                    if ready == 0 || self.health.in_flight() > 0 {
                        last_delivery = Instant::now();
                    } else if last_delivery.elapsed() > SILENCE_MAX {
                        self.broker.consuming.discard().await;
                        return Err(Interrupted::Silent);
                    }
                }
            }
        }
        self.leave(channel, ended, consumer.tag()).await;
        Ok(())
    }

    /// Ends the subscription in order: what is being handled may end, and what only waits is given back at once.
    async fn leave(&self, channel: &Channel, ended: &CancellationToken, tag: ShortString) {
        timeout(WATCH_TIMEOUT, channel.basic_cancel(tag, BasicCancelOptions::default()))
            .await
            .ok();
        ended.cancel();
        if self.health.in_flight() > 0 {
            failpoint::crash("stop-before-last-ack");
        }
        self.health.drained(DRAIN_TIMEOUT).await;
        timeout(WATCH_TIMEOUT, channel.close(200, "bye".into())).await.ok();
    }

    /// Fails if the consumer has been paused for long and the database cannot be reached. A mistake that every instance meets,
    /// such as a missing table, is waited for with the deliveries in hand.
    async fn check_database(&self) -> Result<(), Interrupted> {
        if self.health.paused_for() < HOLD_MAX {
            return Ok(());
        }
        self.database.check().await.map_err(Interrupted::Database)
    }

    /// Stays unsubscribed until the database answers. Each subscription costs the messages one of their deliveries, of which
    /// the queue has a limit, so none is made on suspicion.
    async fn until_database_answers(&self, stop: &CancellationToken, error: String) {
        let queue = &self.queue;
        tracing::warn!(
            code = "consumer.unsubscribed",
            queue,
            dependency = "postgres",
            error,
            "Consumer unsubscribed and its deliveries given back: the database cannot be reached"
        );
        let _pause = self.health.pause(&error);
        let answered = async {
            let mut wait = BACKOFF_MIN;
            while let Err(error) = self.database.check().await {
                self.health.failed(&chain(&error));
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(BACKOFF_MAX);
            }
        };
        stop.run_until_cancelled(answered).await;
        self.health.disconnected(error);
    }

    /// Checks by a passive declaration that the queue exists and the broker answers. Returns the number of ready messages.
    async fn check(&self, channel: &Channel) -> Result<u32, Interrupted> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let declared = channel.queue_declare(self.queue.as_str().into(), passive, FieldTable::default());
        let Ok(queue) = timeout(WATCH_TIMEOUT, declared).await else {
            self.broker.consuming.discard().await;
            return Err(BrokerError::Timeout(WATCH_TIMEOUT).into());
        };
        let ready = queue?.message_count();
        self.health.set_ready(ready);
        Ok(ready)
    }

    fn delivery(&self, message: Message, acks: &Arc<Acknowledgements>, ended: &CancellationToken) -> Delivery {
        Delivery::new(message, Arc::clone(acks), ended.clone(), self.health.begin())
    }
}
