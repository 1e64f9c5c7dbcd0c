//! The transactional outbox: events wait here, beside the rows they report, until the broker has confirmed them.

use crate::{
    envelope::{Envelope, Metadata, VERSION},
    event::Event,
    exchange::{EXCHANGE, REPLAY_KEY, retry_exchange},
};
use database::Database;
use kernel::{clock, context::Context, id};
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// Largest event in bytes. RabbitMQ 4 refuses messages over 16 MiB by default; an event is a fact, not a document.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Oldest rows among which one is looked for that should have been published.
const STALLED_ROWS_MAX: i64 = 100;

/// Topic of the signal that a commit has added rows.
pub(crate) const TOPIC: &str = "outbox";

/// A row to be published.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct OutboxRow {
    pub(crate) id: i64,
    pub(crate) event_id: Uuid,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) event_type: String,
    pub(crate) subject: Option<Uuid>,
    pub(crate) body: Vec<u8>,
    pub(crate) correlation_id: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) created_at: chrono::DateTime<chrono::Utc>,
    /// True if the broker has refused it before: the later rows of its subject wait behind it.
    pub(crate) held: bool,
    /// The shard of the outbox that its subject belongs to.
    pub(crate) shard: i32,
}

impl OutboxRow {
    /// Returns the key within which rows stay in order: the subject, or for a replay the event's id, so that a message that
    /// the broker returns is never one of two in flight.
    pub(crate) fn key(&self) -> Uuid {
        self.subject.unwrap_or(self.event_id)
    }
}

/// The outbox's backlog, for status and alarms.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// Number of rows not yet confirmed by the broker; counted up to 100,000.
    pub pending: i64,
    /// Age of the oldest row in seconds.
    pub oldest_age_s: Option<f64>,
    /// Time in seconds for which an event has waited while none was published, those aside that wait for the broker to take one
    /// that it has refused; `None` if no event waits.
    pub stalled_s: Option<f64>,
    /// Number of rows that the broker refused or returned, and that are held back until their next attempt.
    pub refused: i64,
    /// Reason of the newest refusal of a row.
    pub last_error: Option<String>,
    /// Routes that the broker refuses altogether.
    pub refused_routes: Vec<RefusedRoute>,
}

/// A route (exchange and routing key) that the broker refuses. Its rows wait in the outbox.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct RefusedRoute {
    /// Name of the exchange.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// Number of its rows that wait; counted up to 10,000.
    pub rows: i64,
    /// Number of refusals in a row.
    pub refusals: i32,
    /// Time since the first of them, in seconds.
    pub since_s: f64,
    /// The broker's reason.
    pub last_error: String,
}

/// An event that is to be inserted: without a number, and without the time at which it is written.
#[derive(Debug)]
pub(crate) struct Unsent {
    exchange: String,
    routing_key: &'static str,
    /// `None` for an event that waits behind nothing and has no number.
    subject: Option<Uuid>,
    envelope: Envelope,
    traceparent: Option<String>,
}

impl Unsent {
    /// Prepares an event for all services that are bound to it. One that is too large fails here.
    pub(crate) fn event<E: Event>(source: &str, context: &Context, event: &E) -> Result<Self, sqlx::Error> {
        let route = (EXCHANGE.to_owned(), E::TYPE, Some(event.subject()));
        Self::new(route, source, context, event)
    }

    /// Prepares an event that goes to `queue` alone. It has no subject in the outbox, so it waits behind nothing that is held
    /// back, and no sequence number: nothing but the publisher reads it.
    pub(crate) fn loop_back<E: Event>(
        source: &str,
        context: &Context,
        queue: &str,
        event: &E,
    ) -> Result<Self, sqlx::Error> {
        Self::new((retry_exchange(queue), REPLAY_KEY, None), source, context, event)
    }

    fn new<E: Event>(
        (exchange, routing_key, subject): (String, &'static str, Option<Uuid>),
        source: &str,
        context: &Context,
        event: &E,
    ) -> Result<Self, sqlx::Error> {
        let envelope = Envelope {
            event_type: E::TYPE.to_owned(),
            data: serde_json::to_value(event).map_err(|error| sqlx::Error::Encode(Box::new(error)))?,
            metadata: Metadata {
                event_id: id::new(),
                timestamp: clock::now(),
                source: source.to_owned(),
                version: VERSION.to_owned(),
                correlation_id: context.correlation_id.clone(),
                causation_id: context.causation_id.clone(),
                subject: event.subject(),
                sequence: 0,
            },
        };
        encode(&envelope)?;
        let traceparent = context.traceparent.clone();
        Ok(Self {
            exchange,
            routing_key,
            subject,
            envelope,
            traceparent,
        })
    }

    pub(crate) fn event_id(&self) -> Uuid {
        self.envelope.metadata.event_id
    }
}

/// Inserts events in their order, each with the next sequence number of its subject.
pub(crate) async fn insert(connection: &mut PgConnection, events: &mut [Unsent]) -> Result<(), sqlx::Error> {
    number(connection, events).await?;
    // Once the numbers are locked, so that the times of a subject's events are in the order of their numbers.
    let now = clock::now();
    let mut bodies = Vec::with_capacity(events.len());
    for event in &mut *events {
        event.envelope.metadata.timestamp = now;
        bodies.push(encode(&event.envelope)?);
    }
    let events = &*events;
    let column = |field: fn(&Unsent) -> &str| events.iter().map(field).collect::<Vec<_>>();
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id, traceparent, created_at)
         select *, $9 from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bytea[], $7::text[], $8::text[])",
    )
    .bind(events.iter().map(Unsent::event_id).collect::<Vec<_>>())
    .bind(column(|event| &event.exchange))
    .bind(column(|event| event.routing_key))
    .bind(column(|event| &event.envelope.event_type))
    .bind(events.iter().map(|event| event.subject).collect::<Vec<_>>())
    .bind(bodies)
    .bind(column(|event| &event.envelope.metadata.correlation_id))
    .bind(events.iter().map(|event| event.traceparent.as_deref()).collect::<Vec<_>>())
    .bind(now)
    .execute(connection)
    .await
    .map(drop)
}

/// Counts up the sequences of the subjects. The row locks, taken in the order of the subjects, make the order of outbox ids
/// the order of commits within a subject.
async fn number(connection: &mut PgConnection, events: &mut [Unsent]) -> Result<(), sqlx::Error> {
    let subjects: Vec<Uuid> = events.iter().filter_map(|event| event.subject).collect();
    if subjects.is_empty() {
        return Ok(());
    }
    let counted: Vec<(Uuid, i64)> = sqlx::query_as(
        "insert into subject_sequences (subject, last)
         select subject, count(*) from unnest($1::uuid[]) subject group by subject order by subject
         on conflict (subject) do update set last = subject_sequences.last + excluded.last returning subject, last",
    )
    .bind(subjects)
    .fetch_all(connection)
    .await?;
    let mut last: HashMap<Uuid, i64> = counted.into_iter().collect();
    for event in events.iter_mut().rev() {
        if let Some(last) = event.subject.and_then(|subject| last.get_mut(&subject)) {
            event.envelope.metadata.sequence = *last;
            *last -= 1;
        }
    }
    Ok(())
}

/// Encodes an event.
fn encode(envelope: &Envelope) -> Result<Vec<u8>, sqlx::Error> {
    let body = serde_json::to_vec(envelope).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    if body.len() > BODY_BYTES_MAX {
        let text = format!(
            "{} has {} bytes, more than {BODY_BYTES_MAX}",
            envelope.event_type,
            body.len()
        );
        return Err(sqlx::Error::Encode(text.into()));
    }
    Ok(body)
}

/// Returns the backlog.
pub async fn backlog(database: &Database) -> Result<Backlog, sqlx::Error> {
    let mut connection = database.acquire().await?;
    let (pending, oldest_age_s, refused, last_error, stalled_s) = sqlx::query_as(
        "select (select count(*) from (select 1 from outbox limit 100000) counted),
                (select extract(epoch from now() - created_at)::float8 from outbox order by id limit 1),
                (select count(*) from outbox where retry_at is not null),
                (select last_error from outbox where retry_at is not null order by retry_at desc limit 1),
                (select extract(epoch from now() - greatest(min(created_at),
                    (select max(published_at) from (select published_at from published order by event_id desc limit $1) newest)))::float8
                 from (select * from outbox where subject is not null order by id limit $1) as oldest
                 where (select ahead.id from outbox as ahead where ahead.subject = oldest.subject and ahead.id <= oldest.id
                    and (ahead.retry_at is not null
                         or (ahead.exchange, ahead.routing_key) in (select exchange, routing_key from outbox_refusals))
                    limit 1) is null
                 having count(*) > 0)",
    )
    .bind(STALLED_ROWS_MAX)
    .fetch_one(&mut *connection)
    .await?;
    let refused_routes = sqlx::query_as(
        "select exchange, routing_key, refusals, extract(epoch from now() - since)::float8 as since_s, last_error,
                (select count(*) from (select 1 from outbox
                 where outbox.exchange = outbox_refusals.exchange and outbox.routing_key = outbox_refusals.routing_key
                 limit 10000) counted) as rows
         from outbox_refusals order by since",
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(Backlog {
        pending,
        oldest_age_s,
        stalled_s,
        refused,
        last_error,
        refused_routes,
    })
}
