//! Open jobs in the hands of operators: list, retry one or all, discard.

use crate::failure::Failure;
use chrono::{DateTime, Utc};
use database::Database;
use serde::Serialize;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

kernel::text_enum! {
    /// The state of a job without a definite outcome.
    pub enum OpenState {
        /// It is attempted again by itself.
        Pending = "pending",
        /// It waits for an operator.
        Parked = "parked",
    }
}

/// A job, as operators see it.
#[derive(Debug, Clone, Serialize, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct JobRecord {
    /// The job's id.
    pub id: Uuid,
    /// The job's kind.
    pub kind: String,
    /// Id of the entity that the call is about.
    pub subject: Uuid,
    /// Correlation id of whatever enqueued it.
    pub correlation_id: String,
    /// Id of the event or request that enqueued it.
    pub causation_id: String,
    /// Data of the call.
    pub payload: serde_json::Value,
    /// `pending`, `parked`, `done` or `discarded`.
    pub state: String,
    /// Number of attempts that may have reached the upstream.
    pub attempts: i32,
    /// Reason of the last failure.
    pub last_error: Option<String>,
    /// Time at which it was enqueued.
    pub created_at: DateTime<Utc>,
    /// Time of the next attempt, or of the end of the lease under which one is made; `null` for a parked one.
    pub due_at: Option<DateTime<Utc>>,
    /// Time at which it was parked.
    pub parked_at: Option<DateTime<Utc>>,
    /// Time at which it was completed or discarded.
    pub done_at: Option<DateTime<Utc>>,
    /// An operator's reason for discarding it.
    pub resolution: Option<String>,
}

const COLUMNS: &str = "id, kind, subject, correlation_id, causation_id, payload,
    case when resolution is not null then 'discarded' when done_at is not null then 'done'
         when parked_at is not null then 'parked' else 'pending' end as state,
    attempts, last_error, created_at, nullif(due_at, 'infinity') as due_at, parked_at, done_at, resolution";

/// The columns that a retry sets. The attempts stay counted, since they tell what may have been sent. One failure stays as
/// well: a thousand jobs that are tried again at once are no reason for fresh ones to wait.
const RETRIED: &str = "parked_at = null, due_at = now(), tried_since = now(), failures = 1";

/// A refusal to change a job.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No job has that id.
    #[error("there is no such job")]
    NotFound,
    /// The job's state does not allow it.
    #[error("the job is {0}, or an attempt is under way")]
    State(String),
    /// Something waits for the job, so that it must be done.
    #[error("{0}")]
    Needed(String),
    /// An error for which what waits for the job could not be ended now.
    #[error("the job could not be discarded now")]
    NotNow(#[source] Failure),
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Returns open jobs of one state, oldest first: those after the id `after`, at most `limit`.
pub async fn list(
    database: &Database,
    state: OpenState,
    kind: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<JobRecord>, sqlx::Error> {
    let of_state = match state {
        OpenState::Pending => "parked_at is null",
        OpenState::Parked => "parked_at is not null",
    };
    let statement = format!(
        "select {COLUMNS} from intents
         where done_at is null and {of_state} and ($1::text is null or kind = $1) and ($2::uuid is null or id > $2)
         order by id limit $3"
    );
    sqlx::query_as(AssertSqlSafe(statement))
        .bind(kind)
        .bind(after)
        .bind(limit)
        .fetch_all(&mut *database.acquire().await?)
        .await
}

/// Returns one job.
pub async fn get(database: &Database, id: Uuid) -> Result<Option<JobRecord>, sqlx::Error> {
    let statement = format!("select {COLUMNS} from intents where id = $1");
    sqlx::query_as(AssertSqlSafe(statement))
        .bind(id)
        .fetch_optional(&mut *database.acquire().await?)
        .await
}

/// Makes a job due now, whether it is parked or waits for its next attempt.
pub async fn retry(database: &Database, id: Uuid) -> Result<(), ResolveError> {
    // A lease is an attempt under way, and another one beside it would be the same call twice at once.
    let statement = format!("update intents set {RETRIED} where id = $1 and done_at is null and lease is null");
    let retried = sqlx::query(AssertSqlSafe(statement))
        .bind(id)
        .execute(&mut *database.acquire().await?)
        .await?;
    changed_or_refused(database, id, retried.rows_affected()).await
}

/// Makes every job of a kind due now that is parked or waits for its next attempt. Returns their number.
pub async fn retry_all(database: &Database, kind: &str) -> Result<u64, sqlx::Error> {
    // The due time of a parked job is infinite.
    let statement = format!(
        "update intents set {RETRIED} where kind = $1 and done_at is null and lease is null and due_at > now()"
    );
    let retried = sqlx::query(AssertSqlSafe(statement))
        .bind(kind)
        .execute(&mut *database.acquire().await?)
        .await?;
    Ok(retried.rows_affected())
}

pub(crate) async fn changed_or_refused(database: &Database, id: Uuid, changed: u64) -> Result<(), ResolveError> {
    if changed == 1 {
        return Ok(());
    }
    let job = get(database, id).await?.ok_or(ResolveError::NotFound)?;
    Err(ResolveError::State(job.state))
}
