//! The resolution of dead letters: replayed, or discarded; one, or many.

use crate::{
    envelope::Envelope,
    exchange::{REPLAY_KEY, retry_exchange},
    outbox,
    retention::RETENTION_DAYS,
    tx::Tx,
};
use chrono::{DateTime, Utc};
use database::Database;
use kernel::{clock, context::Context};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use uuid::Uuid;

/// Age in days of an event up to which it may be replayed: a day less than the inbox row lives, since a replay may wait in
/// outbox and queue.
pub const REPLAY_DAYS_MAX: i32 = RETENTION_DAYS - 1;
/// Most dead letters of one [`replay_all`] or [`discard_all`].
pub const BATCH_MAX: i64 = 10_000;
/// Dead letters of one transaction.
const ROWS_PER_TRANSACTION: i64 = 100;

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
        "the event is older than {REPLAY_DAYS_MAX} days, its inbox row may be gone: a replay could take effect twice"
    )]
    TooOld,
    /// The corrected body is not an event, or not the same event.
    #[error("the corrected body must be the same event: {0}")]
    Body(String),
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// The dead letters that one request resolves: those that wait and fit every filter that is given, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Type of the event.
    pub event_type: Option<String>,
    /// Part of the reason.
    pub reason_contains: Option<String>,
    /// Time before which the dead letter was stored.
    pub before: Option<DateTime<Utc>>,
    /// Most dead letters, up to [`BATCH_MAX`].
    pub limit: Option<i64>,
}

/// The outcome of [`replay_all`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Number of dead letters that were replayed.
    pub replayed: i64,
    /// Number of those that were left, since their events are older than [`REPLAY_DAYS_MAX`].
    pub too_old: i64,
}

/// A dead letter that waits, as far as its resolution needs it.
#[derive(Debug, sqlx::FromRow)]
struct Letter {
    id: Uuid,
    event_id: Option<Uuid>,
    body: Vec<u8>,
    died_at: DateTime<Utc>,
    status: String,
}

impl Letter {
    /// Judges by the event's own time: a message can wait long in the dead-letter queue before it is stored.
    fn is_too_old(&self) -> bool {
        let event: Option<Envelope> = serde_json::from_slice(&self.body).ok();
        let sent_at = event.map_or(self.died_at, |event| event.metadata.timestamp.min(self.died_at));
        clock::now() - sent_at > chrono::Duration::days(i64::from(REPLAY_DAYS_MAX))
    }
}

/// Sends a dead letter to its queue again, by way of the outbox. `corrected` replaces the event, byte for byte, and keeps its id.
pub async fn replay(database: &Database, id: Uuid, corrected: Option<&RawValue>) -> Result<(), ResolveError> {
    let mut tx = Tx::begin(database, &Context::new()).await?;
    let letter = lock(&mut tx, id).await?;
    if letter.is_too_old() {
        return Err(ResolveError::TooOld);
    }
    if let Some(corrected) = corrected {
        let event: Envelope =
            serde_json::from_str(corrected.get()).map_err(|error| ResolveError::Body(error.to_string()))?;
        if letter
            .event_id
            .is_some_and(|event_id| event_id != event.metadata.event_id)
        {
            return Err(ResolveError::Body("its eventId differs".to_owned()));
        }
    }
    let body = corrected.map(|corrected| corrected.get().as_bytes());
    send(&mut tx, &[id], body).await?;
    resolve(&mut tx, &[id], "replayed", "replayed by an operator").await?;
    tx.commit().await?;
    database.signals().notify(outbox::TOPIC);
    Ok(())
}

/// Discards a dead letter, and keeps the reason.
pub async fn discard(database: &Database, id: Uuid, reason: &str) -> Result<(), ResolveError> {
    let mut tx = Tx::begin(database, &Context::new()).await?;
    lock(&mut tx, id).await?;
    resolve(&mut tx, &[id], "discarded", reason).await?;
    Ok(tx.commit().await?)
}

/// Replays the selected dead letters that wait now: one that dies again meanwhile is not among them. Each batch commits by itself;
/// after an interruption, another request goes on with the rest.
pub async fn replay_all(database: &Database, selection: &Selection) -> Result<Replayed, sqlx::Error> {
    let mut outcome = Replayed::default();
    let mut batches = Batches::new(selection);
    loop {
        let mut tx = Tx::begin(database, &Context::new()).await?;
        let letters = batches.lock_next(&mut tx).await?;
        if letters.is_empty() {
            return Ok(outcome);
        }
        let (old, good): (Vec<_>, Vec<_>) = letters.into_iter().partition(Letter::is_too_old);
        let ids: Vec<Uuid> = good.iter().map(|letter| letter.id).collect();
        send(&mut tx, &ids, None).await?;
        resolve(&mut tx, &ids, "replayed", "replayed by an operator").await?;
        tx.commit().await?;
        database.signals().notify(outbox::TOPIC);
        outcome.replayed += count(&good);
        outcome.too_old += count(&old);
    }
}

/// Discards the selected dead letters that wait now, and keeps the reason. Returns their number.
pub async fn discard_all(database: &Database, selection: &Selection, reason: &str) -> Result<i64, sqlx::Error> {
    let mut discarded = 0;
    let mut batches = Batches::new(selection);
    loop {
        let mut tx = Tx::begin(database, &Context::new()).await?;
        let letters = batches.lock_next(&mut tx).await?;
        if letters.is_empty() {
            return Ok(discarded);
        }
        let ids: Vec<Uuid> = letters.iter().map(|letter| letter.id).collect();
        resolve(&mut tx, &ids, "discarded", reason).await?;
        tx.commit().await?;
        discarded += count(&letters);
    }
}

fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// The progress through a selection.
struct Batches<'a> {
    selection: &'a Selection,
    left: i64,
    after: Option<Uuid>,
    /// The database's time of the first batch: what is stored later was not there when it was asked.
    asked_at: Option<DateTime<Utc>>,
}

impl<'a> Batches<'a> {
    fn new(selection: &'a Selection) -> Self {
        let limit = selection.limit.unwrap_or(BATCH_MAX);
        Self {
            selection,
            left: limit.min(BATCH_MAX),
            after: None,
            asked_at: None,
        }
    }

    async fn lock_next(&mut self, db: &mut PgConnection) -> Result<Vec<Letter>, sqlx::Error> {
        let asked_at = match self.asked_at {
            Some(asked_at) => asked_at,
            None => sqlx::query_scalar("select now()").fetch_one(&mut *db).await?,
        };
        self.asked_at = Some(asked_at);
        // Waits for another request that holds one: a refused one gives it back only after its answer.
        let letters: Vec<Letter> = sqlx::query_as(
            "select id, event_id, body, died_at, status from dead_letters
             where status = 'waiting' and ($1::uuid is null or id > $1) and died_at <= $2
                and ($3::text is null or event_type = $3) and ($4::text is null or position($4 in reason) > 0)
                and ($5::timestamptz is null or died_at < $5)
             order by id limit $6 for update",
        )
        .bind(self.after)
        .bind(asked_at)
        .bind(&self.selection.event_type)
        .bind(&self.selection.reason_contains)
        .bind(self.selection.before)
        .bind(self.left.min(ROWS_PER_TRANSACTION))
        .fetch_all(db)
        .await?;
        self.after = letters.last().map(|letter| letter.id);
        self.left -= count(&letters);
        Ok(letters)
    }
}

async fn lock(db: &mut PgConnection, id: Uuid) -> Result<Letter, ResolveError> {
    let letter: Option<Letter> =
        sqlx::query_as("select id, event_id, body, died_at, status from dead_letters where id = $1 for update")
            .bind(id)
            .fetch_optional(db)
            .await?;
    let letter = letter.ok_or(ResolveError::NotFound)?;
    if letter.status == "waiting" {
        Ok(letter)
    } else {
        Err(ResolveError::Resolved(letter.status))
    }
}

/// Writes the messages to the outbox, for the queues that they came from; `body` replaces theirs. A type or correlation id that AMQP
/// does not take is left out of the properties; the body has it.
async fn send(db: &mut PgConnection, ids: &[Uuid], body: Option<&[u8]>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, body, correlation_id)
         select coalesce(event_id, id), replace($3, '*', queue), $4,
            case when octet_length(event_type) <= 255 then event_type else 'unknown' end, coalesce($2, body),
            case when octet_length(correlation_id) <= 255 then correlation_id else id::text end
         from dead_letters where id = any($1) order by id",
    )
    .bind(ids)
    .bind(body)
    .bind(retry_exchange("*"))
    .bind(REPLAY_KEY)
    .execute(db)
    .await
    .map(drop)
}

async fn resolve(db: &mut PgConnection, ids: &[Uuid], status: &str, note: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update dead_letters set status = $2, resolved_at = now(), resolution = $3 where id = any($1)")
        .bind(ids)
        .bind(status)
        .bind(note)
        .execute(db)
        .await
        .map(drop)
}
