//! The SQL of jobs, which are rows of the table `intents`.

use super::{
    job::{Job, JobClaim},
    lane::Lane,
    schedule::Next,
};
use database::Database;
use kernel::{context::Context, id};
use sqlx::{AssertSqlSafe, PgConnection};
use std::time::Duration;
use uuid::Uuid;

/// Duration of a claim unless it is renewed: the delay before a killed worker's call is attempted again.
pub(super) const LEASE: Duration = Duration::from_secs(15);

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

/// Claims due jobs of one kind and lane, at most `limit`.
///
/// The array is filled once; a join with the sub-select could be planned to run it, and its limit, once for each row.
pub(super) async fn claim(
    database: &Database,
    kind: &str,
    lane: Lane,
    limit: usize,
) -> Result<Vec<JobClaim>, sqlx::Error> {
    // As text and not as a parameter, or the planner could not use the index of the lane.
    let of_lane = lane.condition();
    let statement = format!(
        "update intents set attempts = attempts + 1, lease = $2, due_at = now() + make_interval(secs => $3)
         where id = any(array(select id from intents
                              where kind = $1 and done_at is null and {of_lane} and due_at <= now()
                              order by due_at limit $4 for update skip locked))
         returning id, kind, subject, payload, attempts, failures,
                   extract(epoch from now() - tried_since)::float8 as age_s, correlation_id, causation_id,
                   traceparent, lease"
    );
    sqlx::query_as(AssertSqlSafe(statement))
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

/// Ends a claim without an outcome: the job is due again after a delay, or it is parked.
pub(super) async fn release(
    database: &Database,
    claim: &JobClaim,
    next: Next,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update intents
         set due_at = coalesce(now() + make_interval(secs => $3), 'infinity'),
             parked_at = case when $3 is null then now() end,
             last_error = $4, attempts = $5, failures = $6, lease = null
         where id = $1 and lease = $2 and done_at is null",
    )
    .bind(claim.id)
    .bind(claim.lease)
    .bind(next.delay.map(|delay| delay.as_secs_f64()))
    .bind(reason.replace('\0', "\u{fffd}"))
    .bind(next.attempts)
    .bind(next.failures)
    .execute(&mut *database.acquire().await?)
    .await
    .map(drop)
}
