//! One queue's deliveries, for as long as the process lives: subscribes, watches, and subscribes again after any error.

use super::{
    broker::{Broker, BrokerError},
    health::{ConsumerHealth, InFlight},
};
use crate::{failpoint, telemetry};
use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// How often the queue is looked at from outside, to notice a link or a consumer that has gone silent.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);
const WATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// A queue that holds messages while nothing is delivered for this long means a dead consumer.
const SILENCE_MAX: Duration = Duration::from_secs(20);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF_MIN: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A subscription to one queue.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) broker: Broker,
    pub(crate) queue: String,
    /// Unacknowledged deliveries at a time.
    pub(crate) prefetch: u16,
    pub(crate) health: Arc<ConsumerHealth>,
}

/// A delivery in hand. Dropping it without [`Received::ack`] leaves it to the broker, which delivers it again once the
/// channel is gone.
#[derive(Debug)]
pub(crate) struct Received {
    delivery: Delivery,
    channel: Channel,
    _in_flight: InFlight,
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
    /// Hands each delivery to `sink` until `stop`, then waits a while for those in hand.
    pub(crate) async fn run(&self, stop: CancellationToken, sink: impl Fn(Received) + Send) {
        let mut backoff = BACKOFF_MIN;
        while !stop.is_cancelled() {
            let started = Instant::now();
            let Err(error) = self.session(&stop, &sink).await else {
                break;
            };
            let error = telemetry::chain(&error);
            tracing::warn!(queue = %self.queue, error, "the consumer was interrupted and subscribes again");
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

    async fn session(&self, stop: &CancellationToken, sink: &(impl Fn(Received) + Send)) -> Result<(), Interrupted> {
        let channel = self.broker.consuming.channel().await?;
        let queue = self.queue.as_str();
        self.check(&channel).await?;
        channel.basic_qos(self.prefetch, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let mut consumer = channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await?;
        tracing::info!(queue, "consuming");
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
                    sink(self.received(delivery, &channel));
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

    /// Checks that the queue is there (by a passive declaration) and that the broker still answers; returns its depth.
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

    fn received(&self, delivery: Delivery, channel: &Channel) -> Received {
        let first_try = attempts(&delivery.properties) == 0;
        let sent_at = delivery.properties.timestamp().filter(|_| first_try);
        Received {
            _in_flight: self.health.begin(sent_at),
            delivery,
            channel: channel.clone(),
        }
    }
}

impl Received {
    /// The message's bytes.
    pub(crate) fn body(&self) -> &[u8] {
        &self.delivery.data
    }

    /// The message's properties.
    pub(crate) fn properties(&self) -> &BasicProperties {
        &self.delivery.properties
    }

    /// How often a handler has already tried it, by our own header.
    pub(crate) fn attempts(&self) -> u32 {
        attempts(&self.delivery.properties)
    }

    /// A string header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        header(&self.delivery.properties, name)
    }

    /// Whether the channel it came on still stands. If not, the broker has taken it back and delivers it again.
    pub(crate) fn is_ours(&self) -> bool {
        self.channel.status().connected()
    }

    /// Tells the broker that it is dealt with. A failure is no harm: it comes again and the inbox knows it.
    pub(crate) async fn ack(self) {
        if let Err(error) = self.delivery.ack(BasicAckOptions::default()).await {
            tracing::info!(%error, "an acknowledgement did not reach the broker, which will deliver the message again");
        }
    }
}

fn header(properties: &BasicProperties, name: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The header `x-attempt`; written by [`super::retry`] as a 32-bit number, other widths are read too.
fn attempts(properties: &BasicProperties) -> u32 {
    let headers = properties.headers().as_ref();
    match headers.and_then(|headers| headers.inner().get(super::retry::ATTEMPT_HEADER)) {
        Some(AMQPValue::LongUInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}
