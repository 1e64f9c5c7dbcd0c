//! A delivery from a queue, and the headers that retries and dead letters carry.

use crate::{acknowledgements::Acknowledgements, health::InFlight};
use kernel::{
    context::{TRACEPARENT_HEADER, is_traceparent},
    failpoint,
};
use lapin::{
    BasicProperties,
    message::Delivery as Message,
    types::{AMQPValue, FieldTable},
};
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// Counts the attempts of a handler. An own header, since RabbitMQ 4 no longer counts `x-death` for republished messages.
pub(crate) const ATTEMPT_HEADER: &str = "x-attempt";
/// Holds the time since which an event has met a busy database, in seconds since 1970.
pub(crate) const BUSY_SINCE_HEADER: &str = "x-busy-since";
/// Holds the reason of a dead letter.
pub(crate) const REASON_HEADER: &str = "x-dead-reason";

/// An unacknowledged delivery. Dropping it without an acknowledgement leaves it to the broker, which delivers it again once
/// the channel is gone.
#[derive(Debug)]
pub(crate) struct Delivery {
    message: Message,
    acknowledgements: Arc<Acknowledgements>,
    /// Cancelled at the end of the subscription that the delivery belongs to.
    ended: CancellationToken,
    /// True if a failpoint makes its handler fail.
    is_doomed: bool,
    _in_flight: InFlight,
}

impl Delivery {
    pub(crate) fn new(
        message: Message,
        acknowledgements: Arc<Acknowledgements>,
        ended: CancellationToken,
        in_flight: InFlight,
    ) -> Self {
        acknowledgements.expect(message.delivery_tag);
        Self {
            message,
            acknowledgements,
            ended,
            is_doomed: false,
            _in_flight: in_flight,
        }
    }

    /// Makes the handler fail if the failpoint is armed.
    pub(crate) fn doom_if_armed(&mut self, service: &str) {
        self.is_doomed = failpoint::taken("consumer-transient", service);
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.is_doomed
    }

    /// Returns the message's bytes.
    pub(crate) fn body(&self) -> &[u8] {
        &self.message.data
    }

    /// Returns the message's properties.
    pub(crate) fn properties(&self) -> &BasicProperties {
        &self.message.properties
    }

    /// Returns the number of attempts that a handler has made before, by the attempt header.
    pub(crate) fn attempts(&self) -> u32 {
        attempts(&self.message.properties)
    }

    /// Returns a string header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        match self.message.properties.headers().as_ref()?.inner().get(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// Returns the trace; `None` where the header is none, since it is passed on as it came.
    pub(crate) fn traceparent(&self) -> Option<String> {
        self.header(TRACEPARENT_HEADER).filter(|value| is_traceparent(value))
    }

    /// Returns the time since which the event has met a busy database, in seconds since 1970.
    pub(crate) fn busy_since_s(&self) -> Option<i64> {
        match self
            .message
            .properties
            .headers()
            .as_ref()?
            .inner()
            .get(BUSY_SINCE_HEADER)?
        {
            AMQPValue::LongLongInt(since_s) => Some(*since_s),
            _ => None,
        }
    }

    /// Returns true while the delivery is this consumer's to settle: its subscription goes on and its channel is open. After
    /// that the broker delivers the message again.
    pub(crate) fn is_ours(&self) -> bool {
        !self.ended.is_cancelled() && self.acknowledgements.is_open()
    }

    /// Waits for the end of the subscription, after which nothing that the delivery waits for matters.
    pub(crate) fn subscription_ended(&self) -> WaitForCancellationFuture<'_> {
        self.ended.cancelled()
    }

    /// Acknowledges the delivery.
    pub(crate) async fn ack(self) {
        ack_all(vec![self]).await;
    }
}

/// Acknowledges deliveries of one subscription. A lost acknowledgement is harmless: the inbox recognises the redelivery.
pub(crate) async fn ack_all(deliveries: Vec<Delivery>) {
    if let Some(first) = deliveries.first() {
        let tags = deliveries
            .iter()
            .map(|delivery| delivery.message.delivery_tag)
            .collect();
        Arc::clone(&first.acknowledgements).send(tags).await;
    }
}

/// Returns the attempt header, which [`crate::retry`] writes as a 32-bit number; other widths are read too.
pub(crate) fn attempts(properties: &BasicProperties) -> u32 {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    match headers.and_then(|headers| headers.get(ATTEMPT_HEADER)) {
        Some(AMQPValue::LongUInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or_default(),
        _ => 0,
    }
}
