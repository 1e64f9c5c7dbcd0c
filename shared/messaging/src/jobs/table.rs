//! The SQL of jobs, which are rows of the table `intents`.

use super::job::{Job, JobClaim};
use database::Database;
use kernel::{context::Context, id};
use serde::Serialize;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// Duration of a claim unless it is renewed: the delay before a killed worker's call is attempted again.
pub(super) const LEASE: Duration = Duration::from_secs(15);

/// The open jobs of one kind, for status and alarms.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct PendingJobs {
    /// The jobs' kind.
    pub kind: String,
    /// Number of jobs without a definite outcome.
    pub pending: i64,
    /// Age of the oldest in seconds.
    pub oldest_age_s: f64,
    /// Highest number of attempts among them.
    pub attempts_max: i32,
    /// Reason of the newest failed attempt.
    pub last_error: Option<String>,
}

/// Returns the open jobs, by kind.
pub async fn pending(database: &Database) -> Result<Vec<PendingJobs>, sqlx::Error> {
    sqlx::query_as(
        "select kind, count(*) as pending, extract(epoch from now() - min(created_at))::float8 as oldest_age_s,
                max(attempts) as attempts_max, (array_agg(last_error order by due_at desc))[1] as last_error
         from intents where done_at is null group by kind order by kind",
    )
    .fetch_all(&mut *database.acquire().await?)
    .await
}

pub(crate) async fn insert<J: Job>(
    connection: &mut PgConnection,
    context: &Context,
    id: Uuid,
    subject: Uuid,
    job: &J,
) -> Result<(), sqlx::Error> {
    let payload = serde_json::to_value(job).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    sqlx::query(
        "insert into intents (id, kind, subject, payload, correlation_id, causation_id, traceparent)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
    )
    .bind(id)
    .bind(J::KIND)
    .bind(subject)
    .bind(payload)
    .bind(&context.correlation_id)
    .bind(&context.causation_id)
    .bind(&context.traceparent)
    .execute(connection)
    .await
    .map(drop)
}

pub(crate) async fn complete(connection: &mut PgConnection, claim: &JobClaim) -> Result<bool, sqlx::Error> {
    let completed = sqlx::query("update intents set done_at = now() where id = $1 and lease = $2 and done_at is null")
        .bind(claim.id)
        .bind(claim.lease)
        .execute(connection)
        .await?;
    Ok(completed.rows_affected() == 1)
}

pub(crate) async fn cancel(connection: &mut PgConnection, id: Uuid) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query("delete from intents where id = $1 and attempts = 0")
        .bind(id)
        .execute(connection)
        .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Claims due jobs of one kind, at most `limit`.
///
/// The array is filled once; a join with the sub-select could be planned to run it, and its limit, once for each row.
pub(super) async fn claim(database: &Database, kind: &str, limit: usize) -> Result<Vec<JobClaim>, sqlx::Error> {
    sqlx::query_as(
        "update intents set attempts = attempts + 1, lease = $2, due_at = now() + make_interval(secs => $3)
         where id = any(array(select id from intents where kind = $1 and done_at is null and due_at <= now()
                              order by due_at limit $4 for update skip locked))
         returning id, kind, subject, payload, attempts, correlation_id, causation_id, traceparent, lease",
    )
    .bind(kind)
    .bind(id::new())
    .bind(LEASE.as_secs_f64())
    .bind(i64::try_from(limit).unwrap_or_default())
    .fetch_all(&mut *database.acquire().await?)
    .await
}

/// Renews a claim; `false` if it has passed to another worker. A completed job counts as renewed, since its commit may be
/// ahead of what its worker has heard.
pub(super) async fn renew(database: &Database, claim: &JobClaim) -> Result<bool, sqlx::Error> {
    let renewed =
        sqlx::query("update intents set due_at = now() + make_interval(secs => $3) where id = $1 and lease = $2")
            .bind(claim.id)
            .bind(claim.lease)
            .bind(LEASE.as_secs_f64())
            .execute(&mut *database.acquire().await?)
            .await?;
    Ok(renewed.rows_affected() == 1)
}

/// Schedules the next attempt after `delay`, and sets the number of attempts.
pub(super) async fn postpone(
    database: &Database,
    claim: &JobClaim,
    attempts: i32,
    delay: Duration,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update intents set due_at = now() + make_interval(secs => $3), last_error = $4, attempts = $5
         where id = $1 and lease = $2 and done_at is null",
    )
    .bind(claim.id)
    .bind(claim.lease)
    .bind(delay.as_secs_f64())
    .bind(reason)
    .bind(attempts)
    .execute(&mut *database.acquire().await?)
    .await
    .map(drop)
}
