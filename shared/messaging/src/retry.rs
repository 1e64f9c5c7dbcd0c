//! Retry queues with a delay, and the dead-letter queue: where a delivery goes that cannot be handled now.
//!
//! Both are reached through the service's own direct exchange `<queue>.retry`. The copy is confirmed before the original
//! is acknowledged; a crash in between leaves two copies, which the inbox (or the dead-letter table) deduplicates.

use crate::{
    broker::{Broker, BrokerError},
    delivery::{ATTEMPT_HEADER, BUSY_SINCE_HEADER, Delivery, REASON_HEADER},
    exchange::retry_exchange,
};
use kernel::{clock, context::TRACEPARENT_HEADER};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};

const REASON_CHARS_MAX: usize = 500;
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// The delays between attempts, in order; after the last comes the dead-letter queue. Each has a queue in the topology.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    delays_ms: Arc<[u64]>,
}

impl RetryPolicy {
    /// Creates a policy of these delays in milliseconds, ascending; they must be those of the topology.
    pub fn new(delays_ms: impl Into<Arc<[u64]>>) -> Self {
        Self {
            delays_ms: delays_ms.into(),
        }
    }

    /// Returns the routing key of the delay after `attempts` attempts, or `None` when they are used up. A handler that asks
    /// for more time gets the shortest delay that gives it, or the longest there is.
    fn key(&self, attempts: u32, after: Option<Duration>) -> Option<String> {
        let scheduled = *self.delays_ms.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
        self.key_of_at_least(Duration::from_millis(scheduled).max(after.unwrap_or_default()))
    }

    /// Returns the routing key of the shortest delay of at least `wanted`, or of the longest there is; `None` without delays.
    fn key_of_at_least(&self, wanted: Duration) -> Option<String> {
        let is_enough = |delay_ms: &&u64| Duration::from_millis(**delay_ms) >= wanted;
        let delay_ms = self.delays_ms.iter().find(is_enough).or(self.delays_ms.last())?;
        Some(format!("{delay_ms}ms"))
    }
}

/// Publishes to one queue's retry exchange, one message at a time: retries are rare, and lapin's pairing of returns and
/// confirms stays unambiguous.
#[derive(Debug)]
pub(crate) struct RetryPublisher {
    broker: Broker,
    exchange: String,
    policy: RetryPolicy,
    channel: Mutex<Option<Channel>>,
}

/// The queue that a failed delivery was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rescheduled {
    /// A retry queue, from which it comes back after a delay.
    Retry,
    /// The dead-letter queue, where it waits for an operator.
    DeadLetter,
}

impl RetryPublisher {
    pub(crate) fn new(broker: Broker, queue: &str, policy: RetryPolicy) -> Self {
        Self {
            broker,
            exchange: retry_exchange(queue),
            policy,
            channel: Mutex::new(None),
        }
    }

    /// Returns the delay after the first attempt.
    pub(crate) fn first_delay(&self) -> Duration {
        Duration::from_millis(self.policy.delays_ms.first().copied().unwrap_or_default())
    }

    /// Sends a copy of an event that met a busy database to a retry queue, and counts no attempt. The delay is about as long
    /// as the event has waited, up to the longest; after `limit` the copy goes to the dead-letter queue.
    pub(crate) async fn retry_busy(
        &self,
        delivery: &Delivery,
        limit: Option<Duration>,
        reason: &str,
    ) -> Result<Rescheduled, BrokerError> {
        let now_s = clock::now().timestamp();
        let since_s = delivery.busy_since_s().unwrap_or(now_s);
        let waited = Duration::from_secs(u64::try_from(now_s - since_s).unwrap_or_default());
        let is_over = limit.is_some_and(|limit| waited >= limit);
        let Some(key) = self.policy.key_of_at_least(waited).filter(|_| !is_over) else {
            let reason = format!("busy for {} minutes, at last: {reason}", waited.as_secs() / 60);
            self.dead_letter(delivery, &reason).await?;
            return Ok(Rescheduled::DeadLetter);
        };
        let properties = properties(delivery, delivery.attempts(), Some(since_s), reason);
        self.publish(&key, delivery.body(), properties).await?;
        Ok(Rescheduled::Retry)
    }

    /// Sends a copy to the next retry queue, or to the dead-letter queue when the attempts are used up.
    pub(crate) async fn retry(
        &self,
        delivery: &Delivery,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<Rescheduled, BrokerError> {
        let attempts = delivery.attempts() + 1;
        let Some(key) = self.policy.key(attempts, after) else {
            let reason = format!("failed {attempts} times, at last: {reason}");
            self.dead_letter(delivery, &reason).await?;
            return Ok(Rescheduled::DeadLetter);
        };
        let properties = properties(delivery, attempts, delivery.busy_since_s(), reason);
        self.publish(&key, delivery.body(), properties).await?;
        Ok(Rescheduled::Retry)
    }

    /// Sends a copy to the dead-letter queue.
    pub(crate) async fn dead_letter(&self, delivery: &Delivery, reason: &str) -> Result<(), BrokerError> {
        let properties = properties(delivery, delivery.attempts() + 1, None, reason);
        self.publish("dead", delivery.body(), properties).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "retries go to the service's own retry exchange, not to the events"
    )]
    async fn publish(&self, key: &str, body: &[u8], properties: BasicProperties) -> Result<(), BrokerError> {
        // Nothing leaves a blocked connection: each attempt would add another copy to the heap.
        if self.broker.publishing.is_blocked() {
            return Err(BrokerError::Refused("it is blocked by an alarm".to_owned()));
        }
        let mut slot = self.channel.lock().await;
        let open = slot.take().filter(|channel| channel.status().connected());
        let channel = if let Some(channel) = open {
            channel
        } else {
            let channel = self.broker.publishing.channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            channel
        };
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let exchange = self.exchange.as_str().into();
        let confirm = channel
            .basic_publish(exchange, key.into(), options, body, properties)
            .await?;
        let confirmation = timeout(CONFIRM_TIMEOUT, confirm)
            .await
            .map_err(|_| BrokerError::Timeout(CONFIRM_TIMEOUT))??;
        match confirmation {
            Confirmation::Ack(None) => {
                *slot = Some(channel);
                Ok(())
            }
            Confirmation::Ack(Some(returned)) => Err(BrokerError::Refused(format!(
                "{key} is not bound: {}",
                returned.reply_text
            ))),
            Confirmation::Nack(_) | Confirmation::NotRequested => Err(BrokerError::Refused("nack".to_owned())),
        }
    }
}

/// Shortens the reason of a failure, which may quote the message.
pub(crate) fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

/// Copies the original's properties without those that belong to the broker: with `x-death` left in place the broker would see
/// a dead-letter cycle and drop the message, and it would refuse a foreign `user_id`.
fn properties(delivery: &Delivery, attempts: u32, busy_since_s: Option<i64>, reason: &str) -> BasicProperties {
    let original = delivery.properties();
    let mut headers = FieldTable::default();
    if let Some(traceparent) = delivery.traceparent() {
        headers.insert(TRACEPARENT_HEADER.into(), AMQPValue::LongString(traceparent.into()));
    }
    headers.insert(REASON_HEADER.into(), AMQPValue::LongString(shortened(reason).into()));
    headers.insert(ATTEMPT_HEADER.into(), AMQPValue::LongUInt(attempts));
    if let Some(since_s) = busy_since_s {
        headers.insert(BUSY_SINCE_HEADER.into(), AMQPValue::LongLongInt(since_s));
    }
    let mut copy = BasicProperties::default().with_delivery_mode(2).with_headers(headers);
    if let Some(id) = original.message_id() {
        copy = copy.with_message_id(id.clone());
    }
    if let Some(kind) = original.kind() {
        copy = copy.with_type(kind.clone());
    }
    if let Some(app_id) = original.app_id() {
        copy = copy.with_app_id(app_id.clone());
    }
    if let Some(correlation_id) = original.correlation_id() {
        copy = copy.with_correlation_id(correlation_id.clone());
    }
    if let Some(content_type) = original.content_type() {
        copy = copy.with_content_type(content_type.clone());
    }
    if let Some(timestamp) = original.timestamp() {
        copy = copy.with_timestamp(*timestamp);
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_then_attempts_are_used_up() {
        let policy = RetryPolicy::new([1_000, 5_000, 30_000]);
        assert_eq!(policy.key(1, None).as_deref(), Some("1000ms"));
        assert_eq!(policy.key(3, None).as_deref(), Some("30000ms"));
        assert_eq!(policy.key(4, None), None);
        assert_eq!(policy.key(1, Some(Duration::from_secs(2))).as_deref(), Some("5000ms"));
        assert_eq!(policy.key(1, Some(Duration::from_secs(99))).as_deref(), Some("30000ms"));
    }

    #[test]
    fn a_busy_event_waits_as_long_as_before_and_at_most_the_longest_delay() {
        let policy = RetryPolicy::new([1_000, 5_000, 30_000]);
        for (waited_s, key) in [(0, "1000ms"), (3, "5000ms"), (8, "30000ms"), (3_000, "30000ms")] {
            let waited = Duration::from_secs(waited_s);
            assert_eq!(policy.key_of_at_least(waited).as_deref(), Some(key));
        }
    }
}
