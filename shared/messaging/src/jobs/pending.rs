//! The open jobs of a service in numbers, for status and alarms.

use database::Database;
use serde::Serialize;

/// Rows of a kind that are counted and looked into. The page is asked for often, and must stay cheap with any backlog.
const ROWS_MAX: i64 = 10_000;

/// The open jobs of one kind.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct PendingJobs {
    /// The jobs' kind.
    pub kind: String,
    /// Number of jobs without a definite outcome that are attempted again; counted up to 10,000.
    pub pending: i64,
    /// Number of jobs that wait for an operator; counted up to 10,000.
    pub parked: i64,
    /// Age of the oldest pending one in seconds.
    pub oldest_age_s: Option<f64>,
    /// Highest number of attempts among the 10,000 oldest pending ones.
    pub attempts_max: i32,
    /// Reason of the last failure among them.
    pub last_error: Option<String>,
}

/// Returns the open jobs, by kind.
pub async fn pending(database: &Database) -> Result<Vec<PendingJobs>, sqlx::Error> {
    // The kinds are found by one step in the index for each of them, instead of a look at every row.
    sqlx::query_as(
        "with recursive kinds as (
             (select kind from intents where done_at is null order by kind limit 1)
             union all
             select (select intents.kind from intents where done_at is null and intents.kind > kinds.kind
                     order by intents.kind limit 1)
             from kinds where kinds.kind is not null
         )
         select kinds.kind, oldest.pending, waiting.parked, oldest.oldest_age_s, oldest.attempts_max, oldest.last_error
         from kinds
         cross join lateral (
             select count(*) as pending, extract(epoch from now() - min(created_at))::float8 as oldest_age_s,
                    coalesce(max(attempts), 0) as attempts_max,
                    (array_agg(last_error order by due_at desc) filter (where last_error is not null))[1] as last_error
             from (select created_at, attempts, due_at, last_error from intents
                   where kind = kinds.kind and done_at is null and parked_at is null
                   order by created_at limit $1) as counted
         ) as oldest
         cross join lateral (
             select count(*) as parked
             from (select id from intents where kind = kinds.kind and done_at is null and parked_at is not null
                   limit $1) as counted
         ) as waiting
         where kinds.kind is not null order by kinds.kind",
    )
    .bind(ROWS_MAX)
    .fetch_all(&mut *database.acquire().await?)
    .await
}
