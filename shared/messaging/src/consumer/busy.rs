//! Busy databases: how long a handler waits for a lock, and whether the database answers at all.

use crate::{failure::Failure, tx::Tx};
use database::Database;
use kernel::context::Context;
use std::time::Duration;
use tokio::{
    sync::{Mutex, Semaphore, SemaphorePermit},
    time::Instant,
};

/// Waits for a lock at most 100 ms: a batch keeps what its events have locked until its end, and one that would wait longer
/// is tried alone.
const BEGIN_BATCH: &str = "begin; set local lock_timeout = 100";
/// Waits for a lock at most 2 s: a hundred transactions that queue for one row get it within that, at 10 ms each.
const BEGIN_PATIENT: &str = "begin; set local lock_timeout = 2000";
/// Waits for a lock at most 500 ms: the handlers that share one row take milliseconds each.
const BEGIN_IMPATIENT: &str = "begin; set local lock_timeout = 500";
/// Age up to which an answer of the database counts for the next failure as well.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(1);

/// Begins the transactions of a consumer, and judges those that waited too long.
#[derive(Debug)]
pub(super) struct BusyGuard {
    database: Database,
    /// Transactions of single events at a time.
    singles: Semaphore,
    /// … of which may wait long at a time. The others go on past a row that a stranger has locked.
    patient: Semaphore,
    answered_at: Mutex<Option<Instant>>,
}

impl BusyGuard {
    pub(super) fn new(database: Database, singles_max: usize) -> Self {
        Self {
            database,
            singles: Semaphore::new(singles_max),
            patient: Semaphore::new(singles_max / 2),
            answered_at: Mutex::default(),
        }
    }

    /// Waits until a transaction of a single event may begin.
    pub(super) async fn single(&self) -> Option<SemaphorePermit<'_>> {
        self.singles.acquire().await.ok()
    }

    /// Begins the transaction of a batch.
    pub(super) async fn begin_batch(&self, context: &Context) -> Result<(Tx, ()), sqlx::Error> {
        Ok((Tx::begin_collecting(BEGIN_BATCH, &self.database, context).await?, ()))
    }

    /// Begins the transaction of a single event. The permit, if there is one, is held until its end.
    pub(super) async fn begin_single(
        &self,
        context: &Context,
    ) -> Result<(Tx, Option<SemaphorePermit<'_>>), sqlx::Error> {
        let permit = self.patient.try_acquire().ok();
        let statements = if permit.is_some() {
            BEGIN_PATIENT
        } else {
            BEGIN_IMPATIENT
        };
        let tx = Tx::begin_by(statements, &self.database, context).await?;
        Ok((tx, permit))
    }

    /// Turns a busy failure into an unavailable database if that gives no answer on a fresh connection either.
    pub(super) async fn judge(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Busy(error) if !self.is_answering().await => Failure::Infrastructure(error),
            failure => failure,
        }
    }

    /// One failure asks; those that wait meanwhile take the same answer.
    async fn is_answering(&self) -> bool {
        let mut answered_at = self.answered_at.lock().await;
        if answered_at.is_some_and(|at| at.elapsed() < ANSWER_AGE_MAX) {
            return true;
        }
        *answered_at = self.database.check().await.is_ok().then(Instant::now);
        answered_at.is_some()
    }
}
