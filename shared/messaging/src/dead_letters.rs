//! Dead letters: drained from the dead-letter queue into a table, where operators inspect and resolve them.

use crate::{
    broker::Broker,
    delivery::{Delivery, REASON_HEADER},
    envelope::Envelope,
    failure::Failure,
    health::ConsumerHealth,
    hold::retry_while_unavailable,
    outbox,
    retention::RETENTION_DAYS,
    subscription::Subscription,
    tx::Tx,
};
use chrono::{DateTime, Utc};
use database::Database;
use kernel::{clock, context::Context, id};
use serde::Serialize;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PREFETCH: u16 = 16;

/// A message that could not be handled.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
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
    /// The message, as text where it is text.
    pub body: String,
}

const COLUMNS: &str = "id, queue, event_id, event_type, subject, correlation_id, reason, attempts, died_at, status, \
                       resolved_at, resolution, encode(body, 'escape') as body";

/// A refusal to resolve a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No dead letter has that id.
    #[error("there is no such dead letter")]
    NotFound,
    /// The dead letter was replayed or discarded before.
    #[error("the dead letter is already {0}")]
    Resolved(String),
    /// The inbox row may be gone, so a replay could take effect twice.
    #[error(
        "the event is older than {RETENTION_DAYS} days, its inbox row may be gone: a replay could take effect twice"
    )]
    TooOld,
    /// The corrected body is not an event, or not the same event.
    #[error("the corrected body must be the same event: {0}")]
    Body(String),
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

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
    let event: Option<Envelope> = serde_json::from_slice(delivery.body()).ok();
    let metadata = event.as_ref().map(|event| &event.metadata);
    let reason = delivery
        .header(REASON_HEADER)
        .or_else(|| delivery.header("x-first-death-reason"));
    // A text column takes no NUL, and a message that died of one must still be stored.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    sqlx::query(
        "insert into dead_letters (id, queue, event_id, event_type, subject, correlation_id, body, reason, attempts)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (event_id) where status = 'waiting' and event_id is not null do nothing",
    )
    .bind(id::new())
    .bind(queue)
    .bind(metadata.map(|metadata| metadata.event_id))
    .bind(event.as_ref().map(|event| clean(&event.event_type)))
    .bind(metadata.map(|metadata| metadata.subject))
    .bind(metadata.map(|metadata| clean(&metadata.correlation_id)))
    .bind(delivery.body())
    .bind(clean(reason.as_deref().unwrap_or("unknown")))
    .bind(i32::try_from(delivery.attempts()).unwrap_or(i32::MAX))
    .execute(&mut *database.acquire().await?)
    .await
    .map(drop)
}

/// Returns the number of dead letters that wait for an operator.
pub async fn waiting(database: &Database) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from dead_letters where status = 'waiting'")
        .fetch_one(&mut *database.acquire().await?)
        .await
}

/// Returns dead letters of one status, oldest first: those after the id `after`, at most `limit`.
pub async fn list(
    database: &Database,
    status: &str,
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
        .bind(status)
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

/// The columns that a replay needs.
#[derive(sqlx::FromRow)]
struct Letter {
    queue: String,
    event_id: Option<Uuid>,
    event_type: Option<String>,
    body: Vec<u8>,
    died_at: DateTime<Utc>,
    status: String,
}

/// Sends a dead letter to its queue again, by way of the outbox. `corrected` replaces the event and keeps its id.
pub async fn replay(database: &Database, id: Uuid, corrected: Option<Envelope>) -> Result<(), ResolveError> {
    let mut tx = Tx::begin(database, &Context::new()).await?;
    let letter: Option<Letter> = sqlx::query_as(
        "select queue, event_id, event_type, body, died_at, status from dead_letters where id = $1 for update",
    )
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    let letter = letter.ok_or(ResolveError::NotFound)?;
    if letter.status != "waiting" {
        return Err(ResolveError::Resolved(letter.status));
    }
    if clock::now() - letter.died_at > chrono::Duration::days(i64::from(RETENTION_DAYS)) {
        return Err(ResolveError::TooOld);
    }
    let body = match corrected {
        Some(event)
            if letter
                .event_id
                .is_some_and(|event_id| event_id != event.metadata.event_id) =>
        {
            return Err(ResolveError::Body("its eventId differs".to_owned()));
        }
        Some(event) => serde_json::to_vec(&event).map_err(|error| ResolveError::Body(error.to_string()))?,
        None => letter.body,
    };
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, body, correlation_id)
         values ($1, $2, 'replay', $3, $4, $5)",
    )
    .bind(letter.event_id.unwrap_or(id))
    .bind(format!("{}.retry", letter.queue))
    .bind(letter.event_type.as_deref().unwrap_or("unknown"))
    .bind(body)
    .bind(tx.context().correlation_id.clone())
    .execute(&mut *tx)
    .await?;
    resolve(&mut tx, id, "replayed", "replayed by an operator").await?;
    tx.commit().await?;
    database.signals().notify(outbox::TOPIC);
    Ok(())
}

/// Discards a dead letter, and keeps the reason.
pub async fn discard(database: &Database, id: Uuid, reason: &str) -> Result<(), ResolveError> {
    let mut tx = Tx::begin(database, &Context::new()).await?;
    let status: Option<String> = sqlx::query_scalar("select status from dead_letters where id = $1 for update")
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    match status.ok_or(ResolveError::NotFound)? {
        status if status == "waiting" => {}
        status => return Err(ResolveError::Resolved(status)),
    }
    resolve(&mut tx, id, "discarded", reason).await?;
    Ok(tx.commit().await?)
}

async fn resolve(connection: &mut sqlx::PgConnection, id: Uuid, status: &str, note: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update dead_letters set status = $2, resolved_at = now(), resolution = $3 where id = $1")
        .bind(id)
        .bind(status)
        .bind(note)
        .execute(connection)
        .await
        .map(drop)
}
