//! The discarding of parked jobs: what waits for a job ends with it, or the discard is refused.

use crate::{
    failure::Failure,
    jobs::{Job, JobRecord, OpenState, ResolveError, changed_or_refused, get},
    tx::Tx,
};
use database::Database;
use futures_util::future::BoxFuture;
use kernel::context::Context;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A job that something of the service waits for.
pub trait Discard: Job {
    /// Ends what waits for a job that an operator discards, in the transaction of that. The payload may be the reason why the job
    /// was parked, so it is not read.
    ///
    /// A permanent failure refuses the discard; its reason tells the operator what to do instead.
    fn discarded(job: &JobRecord, reason: &str, tx: &mut Tx) -> impl Future<Output = Result<(), Failure>> + Send;
}

type Discarded = for<'a> fn(&'a JobRecord, &'a str, &'a mut Tx) -> BoxFuture<'a, Result<(), Failure>>;

/// The effect of a discard, by kind of job.
#[derive(Debug, Clone, Default)]
pub struct Discards(BTreeMap<&'static str, Discarded>);

impl Discards {
    /// Adds a kind.
    pub fn add<J: Discard>(&mut self) {
        self.0.insert(J::KIND, discarded::<J>);
    }

    /// Ends what waits for the job. For another kind nothing does.
    async fn apply(&self, job: &JobRecord, reason: &str, tx: &mut Tx) -> Result<(), Failure> {
        match self.0.get(job.kind.as_str()) {
            Some(discarded) => discarded(job, reason, tx).await,
            None => Ok(()),
        }
    }
}

fn discarded<'a, J: Discard>(
    job: &'a JobRecord,
    reason: &'a str,
    tx: &'a mut Tx,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(J::discarded(job, reason, tx))
}

/// Discards a parked job, keeps the reason, and ends whatever waits for the job; all or nothing.
pub async fn discard(database: &Database, discards: &Discards, id: Uuid, reason: &str) -> Result<(), ResolveError> {
    let job = get(database, id).await?.ok_or(ResolveError::NotFound)?;
    if job.state != OpenState::Parked.as_str() {
        return Err(ResolveError::State(job.state));
    }
    let context = Context::caused_by(&job.correlation_id, &job.causation_id, None);
    let mut tx = Tx::begin(database, &context).await?;
    // What waits comes first, as in a job's own transaction, so that the two cannot deadlock.
    discards
        .apply(&job, reason, &mut tx)
        .await
        .map_err(|failure| match failure {
            Failure::Permanent { reason } => ResolveError::Needed(reason),
            other => ResolveError::NotNow(other),
        })?;
    let discarded = sqlx::query(
        "update intents set done_at = now(), resolution = $2
         where id = $1 and done_at is null and parked_at is not null and attempts = $3",
    )
    .bind(id)
    .bind(reason)
    .bind(job.attempts)
    .execute(&mut *tx)
    .await?;
    if discarded.rows_affected() == 1 {
        return Ok(tx.commit().await?);
    }
    drop(tx);
    changed_or_refused(database, id, 0).await
}
