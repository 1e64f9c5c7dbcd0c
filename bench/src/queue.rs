//! A queue full of events, and a database for their effects.

use crate::report::Outcome;
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use kernel::{clock, id};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions},
    types::FieldTable,
};
use messaging::{EXCHANGE, Envelope, Metadata, VERSION};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use std::time::Instant;
use testkit::TestEnv;

const QUEUE: &str = "seats-queue";
const EVENT_TYPE: &str = "ticket.sold";
/// Publishes without a confirm while the queue is filled.
const IN_FLIGHT_MAX: usize = 500;
/// Unacknowledged deliveries of the raw consumer, as many as the consumer has.
const PREFETCH: u16 = 512;

const TOPOLOGY: &str = r#"
exchange = "platform-events"
delivery_limit = 1000
dead_letter_delivery_limit = 1000000000
retry_delays_ms = [100, 300]
[alarms]
queue_depth = 10000
oldest_message_s = 60
[services.seat-service]
queue = "seats-queue"
bindings = ["ticket.*"]
publishes = ["ticket.sold"]
[events]
"ticket.sold" = ["seats-queue"]
"#;

/// A quorum queue and a database.
pub(crate) struct Queue {
    pub(crate) env: TestEnv,
}

impl Queue {
    pub(crate) async fn new() -> Outcome<Self> {
        let env = TestEnv::with_topology(rabbitmq::Topology::parse(TOPOLOGY)?).await;
        let mut connection = PgConnection::connect(&env.database_url).await?;
        sqlx::raw_sql(messaging::SCHEMA).execute(&mut connection).await?;
        sqlx::raw_sql("create table seats (ticket uuid not null, event_id uuid not null)")
            .execute(&mut connection)
            .await?;
        Ok(Self { env })
    }

    /// Publishes events, and waits for the broker's confirms.
    #[expect(clippy::disallowed_methods, reason = "the benchmark publishes without an outbox")]
    pub(crate) async fn fill(&self, events: impl Iterator<Item = Envelope>) -> Outcome<()> {
        let connection = Connection::connect(&self.env.rabbitmq_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        stream::iter(events)
            .map(|event| publish(&channel, event))
            .buffer_unordered(IN_FLIGHT_MAX)
            .try_collect::<Vec<()>>()
            .await?;
        connection.close(200, "done".into()).await?;
        Ok(())
    }

    /// Returns the rate at which that many messages can be taken and acknowledged, each by itself, with nothing else done. What
    /// has arrived together is acknowledged together, without waiting in between.
    #[expect(clippy::disallowed_methods, reason = "the floor does without a consumer of events")]
    pub(crate) async fn drain(&self, messages: u32) -> Outcome<f64> {
        let connection = Connection::connect(&self.env.rabbitmq_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let started = Instant::now();
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = channel
            .basic_consume(QUEUE.into(), "".into(), options, arguments)
            .await?;
        let mut taken = 0;
        let mut chunks = consumer.ready_chunks(usize::from(PREFETCH));
        while taken < messages {
            let deliveries = chunks.next().await.ok_or("the consumer has ended")?;
            let deliveries: Vec<_> = deliveries.into_iter().collect::<Result<_, _>>()?;
            try_join_all(
                deliveries
                    .iter()
                    .map(|delivery| delivery.ack(BasicAckOptions::default())),
            )
            .await?;
            taken += u32::try_from(deliveries.len())?;
        }
        let per_s = f64::from(messages) / started.elapsed().as_secs_f64();
        connection.close(200, "done".into()).await?;
        Ok(per_s)
    }
}

#[expect(clippy::disallowed_methods, reason = "the benchmark publishes without an outbox")]
async fn publish(channel: &Channel, event: Envelope) -> Outcome<()> {
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(event.metadata.event_id.to_string().into());
    let (body, options) = (serde_json::to_vec(&event)?, BasicPublishOptions::default());
    let sent = channel.basic_publish(EXCHANGE.into(), EVENT_TYPE.into(), options, &body, properties);
    sent.await?.await?;
    Ok(())
}

/// Returns an event about a subject of its own.
pub(crate) fn event(poisonous: bool) -> Envelope {
    let (event_id, subject) = (id::new(), id::new());
    Envelope {
        event_type: EVENT_TYPE.to_owned(),
        data: json!({ "poisonous": poisonous, "text": "x".repeat(250) }),
        metadata: Metadata {
            event_id,
            timestamp: clock::now(),
            source: "box-office".to_owned(),
            version: VERSION.to_owned(),
            correlation_id: subject.to_string(),
            causation_id: event_id.to_string(),
            subject,
            sequence: 1,
        },
    }
}
