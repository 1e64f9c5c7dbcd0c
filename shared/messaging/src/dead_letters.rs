//! Dead letters: drained from the dead-letter queue into a table, where operators inspect and resolve them, one by one or many
//! at once.

mod resolution;

pub use resolution::{
    BATCH_MAX, REPLAY_DAYS_MAX, Replayed, ResolveError, Selection, discard, discard_all, replay, replay_all,
};

use crate::{
    broker::Broker,
    delivery::{Delivery, REASON_HEADER},
    envelope::Envelope,
    failure::Failure,
    health::ConsumerHealth,
    hold::retry_while_unavailable,
    subscription::Subscription,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use database::Database;
use kernel::{clock, id};
use serde::Serialize;
use sqlx::{FromRow, Row, postgres::PgRow};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PREFETCH: u16 = 16;

kernel::text_enum! {
    /// The state of a dead letter.
    pub enum LetterState {
        /// It waits for an operator.
        Waiting = "waiting",
        /// It was sent to its queue again.
        Replayed = "replayed",
        /// An operator has given it up.
        Discarded = "discarded",
    }
}

/// The dead letters of one queue that wait for an operator.
#[derive(Debug, Clone, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Name of the queue.
    pub queue: String,
    /// Number of dead letters.
    pub letters: i64,
    /// Age in seconds of the oldest of their events, by the event's own time.
    pub oldest_event_age_s: f64,
}

/// A message that could not be handled.
#[derive(Debug, Clone, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Id of the dead letter itself.
    pub id: Uuid,
    /// Queue from which it could not be handled.
    pub queue: String,
    /// Id of the event, where the message is one.
    pub event_id: Option<Uuid>,
    /// Type of the event.
    pub event_type: Option<String>,
    /// Id of the entity that the event is about.
    pub subject: Option<Uuid>,
    /// Correlation id of the event.
    pub correlation_id: Option<String>,
    /// Reason of the last failure.
    pub reason: String,
    /// Number of attempts by a handler.
    pub attempts: i32,
    /// Time at which it was stored.
    pub died_at: DateTime<Utc>,
    /// `waiting`, `replayed` or `discarded`.
    pub status: String,
    /// Time at which it was replayed or discarded.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Note on the resolution; an operator's reason where it was discarded.
    pub resolution: Option<String>,
    /// The message.
    #[serde(flatten)]
    #[sqlx(flatten)]
    pub body: Body,
}

/// The bytes of a message, as they were sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Body {
    /// The text, where the bytes are UTF-8: an event's own JSON, which can be corrected and replayed.
    #[serde(rename = "body")]
    Text(String),
    /// Any other bytes, in Base64.
    #[serde(rename = "bodyBase64")]
    Base64(String),
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Base64(STANDARD.encode(error.as_bytes())), Self::Text)
    }
}

impl FromRow<'_, PgRow> for Body {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(row.try_get::<Vec<u8>, _>("body")?.into())
    }
}

const COLUMNS: &str = "id, queue, event_id, event_type, subject, correlation_id, reason, attempts, died_at, status, \
                       resolved_at, resolution, body";

/// Moves messages from `<queue>.dlq` into the table until `stop`.
#[expect(clippy::disallowed_methods, reason = "a delivery's task catches panics")]
pub async fn drain(database: Database, broker: Broker, queue: &str, stop: CancellationToken) {
    let dlq = format!("{queue}.dlq");
    let health = ConsumerHealth::new(&dlq);
    let queue: Arc<str> = queue.into();
    let subscription = Subscription {
        broker,
        database: database.clone(),
        queue: dlq,
        prefetch: PREFETCH,
        health: Arc::clone(&health),
    };
    let sink = move |delivery| {
        drop(tokio::spawn(take(
            database.clone(),
            Arc::clone(&queue),
            Arc::clone(&health),
            delivery,
        )));
    };
    subscription.run(stop, sink).await;
}

async fn take(database: Database, queue: Arc<str>, health: Arc<ConsumerHealth>, delivery: Delivery) {
    // Any failure to store it is a reason to wait: there is no other place left for the message.
    let stored = retry_while_unavailable(&delivery, &health, || async {
        store(&database, &queue, &delivery)
            .await
            .map_err(|error| Failure::Infrastructure(Box::new(error)))
    })
    .await;
    if let Some(Ok(())) = stored {
        delivery.ack().await;
    }
}

async fn store(database: &Database, queue: &str, delivery: &Delivery) -> Result<(), sqlx::Error> {
    let mut event: Option<Envelope> = serde_json::from_slice(delivery.body()).ok();
    if let Some(event) = &mut event {
        event.metadata.ensure_correlation_id();
    }
    let metadata = event.as_ref().map(|event| &event.metadata);
    // A column takes fewer years than an event may name.
    let happened_at = metadata.map(|metadata| metadata.timestamp.clamp(DateTime::UNIX_EPOCH, clock::now()));
    let reason = delivery
        .header(REASON_HEADER)
        .or_else(|| delivery.header("x-first-death-reason"));
    // A text column takes no NUL, and a message that died of one must still be stored.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query(
        "insert into dead_letters (id, queue, event_id, event_type, subject, correlation_id, body, reason, attempts,
                                   event_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (event_id) where status = 'waiting' and event_id is not null do nothing",
    )
    .bind(id::new())
    .bind(queue)
    .bind(metadata.map(|metadata| metadata.event_id))
    .bind(event.as_ref().map(|event| clean(&event.event_type)))
    .bind(metadata.map(|metadata| metadata.subject))
    .bind(metadata.map(|metadata| metadata.correlation_id.as_str()))
    .bind(delivery.body())
    .bind(clean(reason.as_deref().unwrap_or("unknown")))
    .bind(i32::try_from(delivery.attempts()).unwrap_or(i32::MAX))
    .bind(happened_at)
    .execute(&mut *database.acquire().await?)
    .await
    .map(drop)
}

/// Returns the dead letters that wait for an operator, by queue.
pub async fn waiting(database: &Database) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as(
        "select queue, count(*) as letters,
                extract(epoch from now() - min(coalesce(event_at, died_at)))::float8 as oldest_event_age_s
         from dead_letters where status = 'waiting' group by queue order by queue",
    )
    .fetch_all(&mut *database.acquire().await?)
    .await
}

/// Returns dead letters of one state, oldest first: those after the id `after`, at most `limit`.
pub async fn list(
    database: &Database,
    state: LetterState,
    event_type: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    let statement = format!(
        "select {COLUMNS} from dead_letters
         where status = $1 and ($2::text is null or event_type = $2) and ($3::uuid is null or id > $3)
         order by id limit $4"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(state.as_str())
        .bind(event_type)
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *database.acquire().await?)
        .await
}

/// Returns one dead letter.
pub async fn get(database: &Database, id: Uuid) -> Result<Option<DeadLetter>, sqlx::Error> {
    let statement = format!("select {COLUMNS} from dead_letters where id = $1");
    sqlx::query_as(sqlx::AssertSqlSafe(statement))
        .bind(id)
        .fetch_optional(&mut *database.acquire().await?)
        .await
}

#[cfg(test)]
mod tests {
    use super::Body;

    #[test]
    fn a_text_is_shown_as_it_is_and_other_bytes_in_base64() {
        let text = r#"{"name":"Zoë \"Zo\" O\\Neil"}"#;
        assert_eq!(Body::from(text.as_bytes().to_vec()), Body::Text(text.to_owned()));
        assert_eq!(Body::from(vec![0xff, 0x00]), Body::Base64("/wA=".to_owned()));
    }
}
