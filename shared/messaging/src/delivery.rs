//! A delivery from a queue, and the headers that retries and dead letters carry.

use crate::health::InFlight;
use kernel::chain;
use lapin::{
    BasicProperties, Channel,
    message::Delivery as Message,
    options::BasicAckOptions,
    types::{AMQPValue, FieldTable},
};

/// Counts the attempts of a handler. An own header, since RabbitMQ 4 no longer counts `x-death` for republished messages.
pub(crate) const ATTEMPT_HEADER: &str = "x-attempt";
/// Holds the reason of a dead letter.
pub(crate) const REASON_HEADER: &str = "x-dead-reason";

/// An unacknowledged delivery. Dropping it without [`Delivery::ack`] leaves it to the broker, which delivers it again once
/// the channel is gone.
#[derive(Debug)]
pub(crate) struct Delivery {
    message: Message,
    channel: Channel,
    _in_flight: InFlight,
}

impl Delivery {
    pub(crate) fn new(message: Message, channel: Channel, in_flight: InFlight) -> Self {
        Self {
            message,
            channel,
            _in_flight: in_flight,
        }
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

    /// Returns true while the channel of the delivery is open. Once it is closed, the broker delivers the message again.
    pub(crate) fn is_channel_open(&self) -> bool {
        self.channel.status().connected()
    }

    /// Acknowledges the delivery. A lost acknowledgement is harmless: the inbox recognises the redelivery.
    pub(crate) async fn ack(self) {
        if let Err(error) = self.message.ack(BasicAckOptions::default()).await {
            tracing::info!(
                code = "ack.lost",
                error = chain(&error),
                "Acknowledgement did not reach the broker, which will deliver the message again"
            );
        }
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
