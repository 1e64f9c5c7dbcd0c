//! Calls to the outside that are due: written with the event that asks for them, made by a leased worker.
//!
//! No transaction is open across the call. A worker claims a row (which counts the attempt before any call), makes the
//! call, and commits the result together with `done_at`. If it dies, the claim runs out and another asks again with the
//! same id, which is the key that the outside knows the call by.

mod word;

use self::word::Word;
use super::{failure::Failure, leader::answered};
use crate::{context::Context, database::Database, id};
use futures_util::FutureExt;
use serde::Serialize;
use sqlx::PgConnection;
use std::{collections::HashMap, panic::AssertUnwindSafe, pin::Pin, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many calls of one kind one instance makes at a time.
const CONCURRENT_CALLS: usize = 8;
/// How long a claim holds unless it is renewed: what a call waits whose worker was killed.
const LEASE: Duration = Duration::from_secs(15);
const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// A worker that could not renew for this long lets go of its call, well before another may claim it: otherwise two
/// would make the same call at once. The difference is for what lies between the database's clock and ours.
const RENEWED_AT_LEAST: Duration = Duration::from_secs(9);
const PERFORM_TIMEOUT: Duration = Duration::from_secs(45);
/// How often due rows are looked for when nobody has woken the worker.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// An outside call that is due.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Intent {
    /// Its id, from which the call's idempotency key derives.
    pub id: Uuid,
    /// Which worker performs it.
    pub kind: String,
    /// What it is about.
    pub subject: Uuid,
    /// What the call needs.
    pub payload: serde_json::Value,
    /// How often it has been claimed, this time included. Claims that ended without a try ([`Failure::NotTried`]) are
    /// not counted: with one attempt, nothing can have been sent before.
    pub attempts: i32,
    correlation_id: String,
    traceparent: Option<String>,
    lease: Option<Uuid>,
}

impl Intent {
    /// The context of what the call causes: same story, caused by this intent.
    pub fn context(&self) -> Context {
        Context::caused_by(&self.correlation_id, self.id.to_string(), self.traceparent.clone())
    }
}

/// What performing an intent returns; an error means "ask again later".
pub type PerformFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Makes the call and commits its result together with [`crate::database::Tx::finish`].
pub type Performer<S> = for<'a> fn(&'a S, &'a Intent) -> PerformFuture<'a>;

/// What waits to be done, for status and alarms.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct PendingIntents {
    /// The worker's kind.
    pub kind: String,
    /// Calls without a definite outcome.
    pub pending: i64,
    /// Age of the oldest in seconds.
    pub oldest_age_s: f64,
    /// The most attempts that one of them has had.
    pub attempts_max: i32,
    /// Why the newest failed attempt failed.
    pub last_error: Option<String>,
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    context: &Context,
    kind: &str,
    id: Uuid,
    subject: Uuid,
    payload: &impl Serialize,
) -> Result<(), sqlx::Error> {
    let payload = serde_json::to_value(payload).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    sqlx::query(
        "insert into intents (id, kind, subject, payload, correlation_id, causation_id, traceparent)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
    )
    .bind(id)
    .bind(kind)
    .bind(subject)
    .bind(payload)
    .bind(&context.correlation_id)
    .bind(&context.causation_id)
    .bind(&context.traceparent)
    .execute(connection)
    .await
    .map(drop)
}

pub(crate) async fn finish(connection: &mut PgConnection, intent: &Intent) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("update intents set done_at = now() where id = $1 and lease = $2 and done_at is null")
        .bind(intent.id)
        .bind(intent.lease)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn withdraw(connection: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query("delete from intents where id = $1 and attempts = 0")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// What waits to be done, by kind.
pub async fn pending(database: &Database) -> Result<Vec<PendingIntents>, sqlx::Error> {
    sqlx::query_as(
        "select kind, count(*) as pending, extract(epoch from now() - min(created_at))::float8 as oldest_age_s,
                max(attempts) as attempts_max, (array_agg(last_error order by due_at desc))[1] as last_error
         from intents where done_at is null group by kind order by kind",
    )
    .fetch_all(&mut *database.acquire().await?)
    .await
}

/// Performs the intents of one kind until `stop`, then waits a while for those in hand.
pub(crate) async fn work<S: Clone + Send + Sync + 'static>(
    database: Database,
    kind: &'static str,
    performer: Performer<S>,
    app: S,
    stop: CancellationToken,
) {
    let mut news = database.wake().intents.subscribe();
    let written = |of: &HashMap<String, u64>| of.get(kind).copied().unwrap_or_default();
    let mut calls = JoinSet::new();
    let mut newest = Word::free();
    while !stop.is_cancelled() {
        while let Some(ended) = calls.try_join_next() {
            newest = newest.or_newer(ended);
        }
        let seen = written(&news.borrow());
        let away_until = newest.away_until();
        if away_until.is_none() {
            for intent in due(&database, kind, CONCURRENT_CALLS - calls.len()).await {
                calls.spawn(perform(database.clone(), performer, app.clone(), intent));
            }
        }
        let next_look = away_until.unwrap_or_else(|| Instant::now() + POLL_INTERVAL);
        tokio::select! {
            () = stop.cancelled() => {}
            // Otherwise, with room for more calls, the last look has found all that were due, and an end changes nothing.
            Some(ended) = calls.join_next(), if calls.len() == CONCURRENT_CALLS || away_until.is_some() => {
                newest = newest.or_newer(ended);
            }
            more = news.wait_for(|now| written(now) != seen), if calls.len() < CONCURRENT_CALLS => {
                if more.is_err() { return }
            }
            () = sleep_until(next_look) => {}
        }
    }
    let drained = async { while calls.join_next().await.is_some() {} };
    if timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!(kind, "stopping with calls in hand; they will be asked about again");
    }
}

async fn due(database: &Database, kind: &str, limit: usize) -> Vec<Intent> {
    answered(claim(database, kind, limit)).await.unwrap_or_else(|error| {
        tracing::warn!(kind, %error, "cannot look for due intents");
        Vec::new()
    })
}

/// The array is filled once; a join with the sub-select could be planned to run it, and its limit, once for each row.
async fn claim(database: &Database, kind: &str, limit: usize) -> Result<Vec<Intent>, sqlx::Error> {
    sqlx::query_as(
        "update intents set attempts = attempts + 1, lease = $2, due_at = now() + make_interval(secs => $3)
         where id = any(array(select id from intents where kind = $1 and done_at is null and due_at <= now()
                              order by due_at limit $4 for update skip locked))
         returning id, kind, subject, payload, attempts, correlation_id, traceparent, lease",
    )
    .bind(kind)
    .bind(id::new())
    .bind(LEASE.as_secs_f64())
    .bind(i64::try_from(limit).unwrap_or_default())
    .fetch_all(&mut *database.acquire().await?)
    .await
}

/// Returns what it found out about whoever is asked.
async fn perform<S>(database: Database, performer: Performer<S>, app: S, intent: Intent) -> Option<Word> {
    let call = AssertUnwindSafe(performer(&app, &intent)).catch_unwind();
    let outcome = tokio::select! {
        biased;
        outcome = timeout(PERFORM_TIMEOUT, call) => outcome,
        lost = claim_lost(&database, &intent) => Ok(Ok(Err(lost))),
    };
    let failure = match outcome {
        Ok(Ok(Ok(()))) => return Some(Word::free()),
        Ok(Ok(Err(failure))) => failure,
        Ok(Err(_)) => Failure::transient("the performer panicked"),
        Err(_) => Failure::transient(format!("no outcome within {PERFORM_TIMEOUT:?}")),
    };
    let word = match failure {
        Failure::NotTried { after, .. } => Some(Word::away_for(after)),
        _ => None,
    };
    report(&intent, &failure);
    if let Err(error) = postpone(&database, &intent, &failure).await {
        tracing::warn!(%error, intent = %intent.id, "cannot note the failed attempt; the claim will run out");
    }
    word
}

fn report(intent: &Intent, failure: &Failure) {
    let Intent { id, kind, attempts, .. } = intent;
    if let Failure::NotTried { reason, .. } = failure {
        // The breaker has said so, and says when it closes.
        return tracing::debug!(%kind, intent = %id, %reason, "a call was not tried");
    }
    tracing::warn!(%kind, intent = %id, attempts, error = %failure, correlation_id = %intent.correlation_id,
        "a call has no definite outcome yet and will be asked for again");
    metrics::counter!("intent_attempts_failed_total", "kind" => kind.clone()).increment(1);
}

/// Renews the claim again and again; returns when it can no longer be trusted.
async fn claim_lost(database: &Database, intent: &Intent) -> Failure {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(RENEW_INTERVAL).await;
        let asked = Instant::now();
        match timeout_at(renewed + RENEWED_AT_LEAST, renew(database, intent)).await {
            Ok(Ok(true)) => renewed = asked,
            Ok(Ok(false)) => return Failure::transient("the claim has passed to another worker"),
            Ok(Err(error)) if renewed.elapsed() < RENEWED_AT_LEAST => {
                tracing::info!(%error, intent = %intent.id, "a claim could not be renewed yet");
            }
            Ok(Err(_)) | Err(_) => return Failure::transient("the claim could not be renewed in time"),
        }
    }
}

/// Also where the call is done already: its commit may be ahead of what its worker has heard.
async fn renew(database: &Database, intent: &Intent) -> Result<bool, sqlx::Error> {
    let renewed =
        sqlx::query("update intents set due_at = now() + make_interval(secs => $3) where id = $1 and lease = $2")
            .bind(intent.id)
            .bind(intent.lease)
            .bind(LEASE.as_secs_f64())
            .execute(&mut *database.acquire().await?)
            .await?;
    Ok(renewed.rows_affected() == 1)
}

/// 1 s, 2 s, 4 s … up to 32 s; sooner or later if the failure says so. What was not tried is as if it had not been
/// claimed: otherwise the delays would grow while somebody is away, and last when he is back.
async fn postpone(database: &Database, intent: &Intent, failure: &Failure) -> Result<(), sqlx::Error> {
    let (attempts, delay_s) = match failure {
        Failure::NotTried { after, .. } => (intent.attempts - 1, after.as_secs_f64()),
        Failure::Transient { after: Some(after), .. } => (intent.attempts, after.as_secs_f64()),
        _ => (intent.attempts, f64::from(1_u32 << (intent.attempts - 1).clamp(0, 5))),
    };
    sqlx::query(
        "update intents set due_at = now() + make_interval(secs => $3), last_error = $4, attempts = $5
         where id = $1 and lease = $2 and done_at is null",
    )
    .bind(intent.id)
    .bind(intent.lease)
    .bind(delay_s)
    .bind(failure.to_string())
    .bind(attempts)
    .execute(&mut *database.acquire().await?)
    .await
    .map(drop)
}
