//! The floor: a publisher that does nothing but publish and await confirms.

use crate::report::Outcome;
use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueuePurgeOptions},
};
use std::time::Instant;

/// Publishes without a confirm, as many as the relay has.
const IN_FLIGHT_MAX: usize = 500;

/// Empties a queue: a long one slows the broker, and would be measured instead.
#[expect(
    clippy::disallowed_methods,
    reason = "the benchmark acts as an operator, not as a service"
)]
pub(crate) async fn purge(url: &str, queue: &str) -> Outcome<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// Publishes that many messages of `body` with `mandatory`, persistence and confirms; returns the rate.
#[expect(clippy::disallowed_methods, reason = "the floor publishes without an outbox")]
pub(crate) async fn publish(url: &str, exchange: &str, key: &str, body: &[u8], messages: u32) -> Outcome<f64> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let started = Instant::now();
    let mut in_flight = FuturesUnordered::new();
    for _ in 0..messages {
        if in_flight.len() == IN_FLIGHT_MAX
            && let Some(confirmed) = in_flight.next().await
        {
            confirmed?;
        }
        in_flight.push(send(&channel, exchange, key, body));
    }
    while let Some(confirmed) = in_flight.next().await {
        confirmed?;
    }
    let rate = f64::from(messages) / started.elapsed().as_secs_f64();
    connection.close(200, "done".into()).await?;
    Ok(rate)
}

#[expect(clippy::disallowed_methods, reason = "the floor publishes without an outbox")]
async fn send(channel: &Channel, exchange: &str, key: &str, body: &[u8]) -> Result<(), lapin::Error> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(kernel::id::new().to_string().into());
    let confirm = channel
        .basic_publish(exchange.into(), key.into(), options, body, properties)
        .await?;
    confirm.await.map(drop)
}
