//! The transactional outbox: events wait here, beside the rows they tell of, until the broker has confirmed them.

use super::{
    EXCHANGE,
    envelope::{Envelope, Metadata, VERSION},
};
use crate::{clock, context::Context, database::Database, id};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

/// The largest event in bytes. RabbitMQ 4 refuses messages over 16 MiB by default; an event is a fact, not a document.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// One row to be published.
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

/// How much is waiting, for status and alarms.
#[derive(Debug, Clone, Default, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Backlog {
    /// Rows not yet confirmed by the broker; counted up to 100,000.
    pub pending: i64,
    /// Age of the oldest of them in seconds.
    pub oldest_age_s: Option<f64>,
    /// Rows that the broker refused or returned, and that are tried again later.
    pub refused: i64,
    /// The newest refusal.
    pub last_error: Option<String>,
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    source: &str,
    context: &Context,
    event_type: &str,
    subject: Uuid,
    data: &impl Serialize,
) -> Result<Uuid, sqlx::Error> {
    let sequence: i64 = sqlx::query_scalar(
        "insert into subject_sequences (subject, last) values ($1, 1)
         on conflict (subject) do update set last = subject_sequences.last + 1 returning last",
    )
    .bind(subject)
    .fetch_one(&mut *connection)
    .await?;
    let metadata = Metadata {
        event_id: id::new(),
        timestamp: clock::now(),
        source: source.to_owned(),
        version: VERSION.to_owned(),
        correlation_id: context.correlation_id.clone(),
        causation_id: context.causation_id.clone(),
        subject,
        sequence,
    };
    let event_id = metadata.event_id;
    let timestamp = metadata.timestamp;
    let data = serde_json::to_value(data).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    let body = encode(&Envelope {
        event_type: event_type.to_owned(),
        data,
        metadata,
    })?;
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id, traceparent, created_at)
         values ($1, $2, $3, $3, $4, $5, $6, $7, $8)",
    )
    .bind(event_id)
    .bind(EXCHANGE)
    .bind(event_type)
    .bind(subject)
    .bind(body)
    .bind(&context.correlation_id)
    .bind(&context.traceparent)
    .bind(timestamp)
    .execute(connection)
    .await?;
    Ok(event_id)
}

/// Refuses an event that no queue should have to carry, before anything is committed.
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

/// The oldest rows that may be published now, in order. A subject whose older row is held back waits behind it.
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

/// Forgets the rows and records the events as published, in one statement. Replays of dead letters are another
/// service's events and are not recorded as ours.
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

/// Holds rows back that the broker refused or returned: 1 s, 2 s, 4 s … up to 64 s.
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

/// How much is waiting.
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
