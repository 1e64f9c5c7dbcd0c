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
use uuid::Uuid;

/// Largest event in bytes. RabbitMQ 4 refuses messages over 16 MiB by default; an event is a fact, not a document.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

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
}

/// The outbox's backlog, for status and alarms.
#[derive(Debug, Clone, Default, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// Number of rows not yet confirmed by the broker; counted up to 100,000.
    pub pending: i64,
    /// Age of the oldest row in seconds.
    pub oldest_age_s: Option<f64>,
    /// Number of rows that the broker refused or returned, and that are held back until their next attempt.
    pub refused: i64,
    /// Reason of the newest refusal.
    pub last_error: Option<String>,
}

/// Inserts an event, with the next sequence number of its subject. Returns the event's id.
pub(crate) async fn insert<E: Event>(
    connection: &mut PgConnection,
    source: &str,
    context: &Context,
    event: &E,
) -> Result<Uuid, sqlx::Error> {
    let sequence = next_sequence(connection, event.subject()).await?;
    let envelope = envelope(source, context, event, sequence)?;
    let route = (EXCHANGE, E::TYPE, Some(event.subject()));
    insert_row(connection, route, &envelope, context).await
}

/// Inserts an event that goes to `queue` alone. It has no subject in the outbox, so it waits behind nothing that is held
/// back, and no sequence number: nothing but the publisher reads it.
pub(crate) async fn insert_loop_back<E: Event>(
    connection: &mut PgConnection,
    source: &str,
    context: &Context,
    queue: &str,
    event: &E,
) -> Result<Uuid, sqlx::Error> {
    let envelope = envelope(source, context, event, 0)?;
    let exchange = retry_exchange(queue);
    insert_row(connection, (&exchange, REPLAY_KEY, None), &envelope, context).await
}

fn envelope<E: Event>(source: &str, context: &Context, event: &E, sequence: i64) -> Result<Envelope, sqlx::Error> {
    Ok(Envelope {
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
            sequence,
        },
    })
}

async fn insert_row(
    connection: &mut PgConnection,
    (exchange, routing_key, subject): (&str, &str, Option<Uuid>),
    envelope: &Envelope,
    context: &Context,
) -> Result<Uuid, sqlx::Error> {
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id, traceparent, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(envelope.metadata.event_id)
    .bind(exchange)
    .bind(routing_key)
    .bind(&envelope.event_type)
    .bind(subject)
    .bind(encode(envelope)?)
    .bind(&context.correlation_id)
    .bind(&context.traceparent)
    .bind(envelope.metadata.timestamp)
    .execute(connection)
    .await?;
    Ok(envelope.metadata.event_id)
}

/// Counts up the subject's sequence. The row lock makes the order of outbox ids the order of commits within a subject.
async fn next_sequence(connection: &mut PgConnection, subject: Uuid) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "insert into subject_sequences (subject, last) values ($1, 1)
         on conflict (subject) do update set last = subject_sequences.last + 1 returning last",
    )
    .bind(subject)
    .fetch_one(connection)
    .await
}

/// Encodes an event; one that is too large fails here, before anything is committed.
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

/// Returns the oldest rows that may be published now, in order. A row waits behind an older row of its subject that is held
/// back.
pub(crate) async fn next(connection: &mut PgConnection, limit: i64) -> Result<Vec<OutboxRow>, sqlx::Error> {
    sqlx::query_as(
        "select id, event_id, exchange, routing_key, event_type, subject, body, correlation_id, traceparent, created_at
         from outbox o
         where (retry_at is null or retry_at <= now())
           and not exists (select 1 from outbox older
                           where older.subject = o.subject and older.id < o.id and older.retry_at > now())
         order by id limit $1",
    )
    .bind(limit)
    .fetch_all(connection)
    .await
}

/// Deletes the rows and records their events as published, in one statement. Replayed dead letters are other services' events,
/// and loop-backs are no events for others: neither is recorded.
pub(crate) async fn mark_published(connection: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with gone as (delete from outbox where id = any($1)
                       returning event_id, event_type, subject, correlation_id, created_at, exchange)
         insert into published (event_id, event_type, subject, correlation_id, created_at)
         select event_id, event_type, subject, correlation_id, created_at from gone where exchange = $2
         on conflict (event_id) do nothing",
    )
    .bind(ids)
    .bind(EXCHANGE)
    .execute(connection)
    .await
    .map(drop)
}

/// Holds back rows that the broker refused or returned: 1 s, 2 s, 4 s … up to 64 s.
pub(crate) async fn hold(connection: &mut PgConnection, ids: &[i64], error: &str) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update outbox set refusals = refusals + 1, last_error = $2,
                retry_at = now() + make_interval(secs => power(2, least(refusals, 6)))
         where id = any($1)",
    )
    .bind(ids)
    .bind(error)
    .execute(connection)
    .await
    .map(drop)
}

/// Returns the backlog.
pub async fn backlog(database: &Database) -> Result<Backlog, sqlx::Error> {
    sqlx::query_as(
        "select (select count(*) from (select 1 from outbox limit 100000) counted) as pending,
                (select extract(epoch from now() - created_at)::float8 from outbox order by id limit 1) as oldest_age_s,
                (select count(*) from outbox where retry_at is not null) as refused,
                (select last_error from outbox where retry_at is not null order by retry_at desc limit 1) as last_error",
    )
    .fetch_one(&mut *database.acquire().await?)
    .await
}
