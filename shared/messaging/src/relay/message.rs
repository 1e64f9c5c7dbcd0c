//! The publishing of one row, up to its confirm.

use crate::{broker::BrokerError, outbox::OutboxRow};
use futures_util::{FutureExt, future::BoxFuture};
use kernel::{context::TRACEPARENT_HEADER, failpoint};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable, MAX_SHORT_STRING_LENGTH},
};
use std::future::ready;

/// A row that was published, with the broker's answer or the error in its place.
#[derive(Debug)]
pub(super) struct Completion {
    /// Number of the publishing, from [`super::fates::Fates::sent`].
    pub(super) number: u64,
    pub(super) row: OutboxRow,
    pub(super) outcome: Result<Confirmation, BrokerError>,
}

/// Opens a channel with publisher confirms.
pub(super) async fn open(broker: &crate::broker::Broker) -> Result<Channel, BrokerError> {
    let channel = broker.publishing.channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Enqueues a row to be sent, and waits for its confirm, without a time limit. Rows are sent in the order of these calls.
pub(super) fn publish(
    channel: Channel,
    number: u64,
    row: OutboxRow,
    source: &'static str,
) -> BoxFuture<'static, Completion> {
    failpoint::crash("relay-before-publish");
    let mut publishing: BoxFuture<'static, Completion> = Box::pin(async move {
        let outcome = send(&channel, &row, source).await;
        failpoint::crash("relay-before-confirm");
        Completion { number, row, outcome }
    });
    // lapin (4.12.3) numbers and enqueues a message when the future is first polled, before it first waits.
    match (&mut publishing).now_or_never() {
        Some(completion) => Box::pin(ready(completion)),
        None => publishing,
    }
}

/// Returns why a row cannot be written as an AMQP message; lapin would write a broken frame, and lose the connection.
pub(super) fn unwritable(row: &OutboxRow) -> Option<String> {
    let texts = [
        ("exchange", &row.exchange),
        ("routing key", &row.routing_key),
        ("type", &row.event_type),
        ("correlation id", &row.correlation_id),
    ];
    let (name, text) = texts
        .into_iter()
        .find(|(_, text)| text.len() > MAX_SHORT_STRING_LENGTH)?;
    Some(format!(
        "its {name} has {} bytes, and AMQP takes {MAX_SHORT_STRING_LENGTH}",
        text.len()
    ))
}

#[expect(clippy::disallowed_methods, reason = "the relay is the one publisher of events")]
async fn send(channel: &Channel, row: &OutboxRow, source: &'static str) -> Result<Confirmation, BrokerError> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let (exchange, key) = (row.exchange.as_str().into(), row.routing_key.as_str().into());
    let confirm = channel
        .basic_publish(exchange, key, options, &row.body, properties(row, source))
        .await?;
    Ok(confirm.await?)
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
