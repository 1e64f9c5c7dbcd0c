//! The subscription to one queue: subscribes, watches, and subscribes again after any error.

use crate::{
    broker::{Broker, BrokerError},
    delivery::Delivery,
    health::ConsumerHealth,
};
use futures_util::StreamExt;
use kernel::{chain, failpoint};
use lapin::{
    Channel,
    message::Delivery as Message,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::FieldTable,
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
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A subscription to one queue.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) broker: Broker,
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
            let Err(error) = self.session(&stop, &sink).await else {
                break;
            };
            let (queue, error) = (&self.queue, chain(&error));
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

    async fn session(&self, stop: &CancellationToken, sink: &(impl Fn(Delivery) + Send)) -> Result<(), Interrupted> {
        let channel = self.broker.consuming.channel().await?;
        let queue = self.queue.as_str();
        self.check(&channel).await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let mut consumer = channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await?;
        tracing::info!(queue, "Consuming");
        self.health.consuming();
        let mut watch = interval(WATCH_INTERVAL);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_delivery = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                delivery = consumer.next() => {
                    let delivery = delivery.ok_or(Interrupted::Cancelled)??;
                    last_delivery = Instant::now();
                    sink(self.delivery(delivery, &channel));
                }
                _ = watch.tick() => {
                    let ready = self.check(&channel).await?;
                    if ready == 0 || self.health.in_flight() > 0 {
                        last_delivery = Instant::now();
                    } else if last_delivery.elapsed() > SILENCE_MAX {
                        self.broker.consuming.discard().await;
                        return Err(Interrupted::Silent);
                    }
                }
            }
        }
        let tag = consumer.tag();
        timeout(WATCH_TIMEOUT, channel.basic_cancel(tag, BasicCancelOptions::default()))
            .await
            .ok();
        if self.health.in_flight() > 0 {
            failpoint::crash("stop-before-last-ack");
        }
        self.health.drained(DRAIN_TIMEOUT).await;
        timeout(WATCH_TIMEOUT, channel.close(200, "bye".into())).await.ok();
        Ok(())
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

    fn delivery(&self, message: Message, channel: &Channel) -> Delivery {
        Delivery::new(message, channel.clone(), self.health.begin())
    }
}
