//! The events of one virtual host, as a test sees and publishes them.

use crate::wait::PATIENCE;
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use kernel::{clock, id};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer,
    options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use messaging::{EXCHANGE, Envelope, Metadata, VERSION};
use serde::Serialize;
use tokio::time::timeout;
use uuid::Uuid;

/// A queue of its own that sees every event, and a channel that publishes events as other services would.
pub struct EventProbe {
    seen: Vec<Envelope>,
    consumer: Consumer,
    channel: Channel,
    _connection: Connection,
}

impl EventProbe {
    #[expect(clippy::disallowed_methods, reason = "a test needs no supervision")]
    pub(crate) async fn new(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .expect("RabbitMQ answers");
        let channel = connection.create_channel().await.expect("a channel");
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .expect("confirms");
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let queue = channel
            .queue_declare("".into(), exclusive, FieldTable::default())
            .await
            .expect("a queue");
        let (name, bind) = (queue.name().clone(), QueueBindOptions::default());
        channel
            .queue_bind(name.clone(), EXCHANGE.into(), "#".into(), bind, FieldTable::default())
            .await
            .expect("a binding");
        let options = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let consumer = channel
            .basic_consume(name, "".into(), options, FieldTable::default())
            .await
            .expect("a consumer");
        Self {
            seen: Vec::new(),
            consumer,
            channel,
            _connection: connection,
        }
    }

    /// Returns the first event of this type about this subject, seen before or within [`PATIENCE`].
    pub async fn wait_for(&mut self, event_type: &str, subject: Uuid) -> Envelope {
        self.wait_for_nth(event_type, subject, 1).await
    }

    /// Returns the `nth` event (from 1) of this type about this subject.
    pub async fn wait_for_nth(&mut self, event_type: &str, subject: Uuid, nth: usize) -> Envelope {
        let coming = async {
            loop {
                if let Some(event) = self.of(event_type, subject).nth(nth - 1) {
                    return event.clone();
                }
                self.read().await;
            }
        };
        let found = timeout(PATIENCE, coming).await;
        let Ok(event) = found else {
            let seen: Vec<_> = self
                .seen
                .iter()
                .map(|event| (&event.event_type, event.metadata.subject))
                .collect();
            panic!("waited in vain for {event_type} number {nth} about {subject}; seen: {seen:?}");
        };
        event
    }

    /// Returns the events seen so far, oldest first: those that an earlier `wait_for` has read.
    pub fn seen(&self) -> &[Envelope] {
        &self.seen
    }

    fn of(&self, event_type: &str, subject: Uuid) -> impl Iterator<Item = &Envelope> {
        self.seen
            .iter()
            .filter(move |event| event.event_type == event_type && event.metadata.subject == subject)
    }

    async fn read(&mut self) {
        let delivery = self
            .consumer
            .next()
            .await
            .expect("the probe stays subscribed")
            .expect("a delivery");
        self.seen
            .push(serde_json::from_slice(&delivery.data).expect("what is published is an event"));
    }

    /// An event as `source` would write it.
    pub fn event(source: &str, event_type: &str, subject: Uuid, sequence: i64, data: &impl Serialize) -> Envelope {
        let event_id = id::new();
        Envelope {
            event_type: event_type.to_owned(),
            data: serde_json::to_value(data).expect("data has a JSON form"),
            metadata: Metadata {
                event_id,
                timestamp: clock::now(),
                source: source.to_owned(),
                version: VERSION.to_owned(),
                correlation_id: subject.to_string(),
                causation_id: event_id.to_string(),
                subject,
                sequence,
            },
        }
    }

    /// Publishes an event and waits for the broker's confirm. Publishing the same one twice is a duplicate.
    pub async fn publish(&self, event: &Envelope) {
        let body = serde_json::to_vec(event).expect("an event has a JSON form");
        self.publish_raw(EXCHANGE, &event.event_type, &body).await;
    }

    /// Publishes an event as a publisher would whose clock shows `at`.
    pub async fn publish_at(&self, event: &Envelope, at: DateTime<Utc>) {
        let body = serde_json::to_vec(event).expect("an event has a JSON form");
        self.send(EXCHANGE, &event.event_type, &body, at).await;
    }

    /// Publishes any bytes, e.g. rubbish.
    pub async fn publish_raw(&self, exchange: &str, routing_key: &str, body: &[u8]) {
        self.send(exchange, routing_key, body, clock::now()).await;
    }

    #[expect(clippy::disallowed_methods, reason = "a test publishes what other services would")]
    async fn send(&self, exchange: &str, routing_key: &str, body: &[u8], at: DateTime<Utc>) {
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_timestamp(u64::try_from(at.timestamp()).expect("after 1970"));
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let sent = self
            .channel
            .basic_publish(exchange.into(), routing_key.into(), options, body, properties)
            .await;
        let confirmation = sent.expect("the broker takes it").await.expect("the broker confirms");
        assert!(
            matches!(confirmation, Confirmation::Ack(None)),
            "{routing_key} reached no queue: {confirmation:?}"
        );
    }
}
