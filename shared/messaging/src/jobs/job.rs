//! A job, and a worker's claim on it.

use crate::failure::Failure;
use kernel::context::Context;
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use uuid::Uuid;

/// A call to the outside that is due, with the data it needs. Its serialized form is the job's payload.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The job's kind: one worker runs all jobs of a kind, and one unavailable upstream pauses them all.
    const KIND: &'static str;

    /// Longest delay between two attempts. Delays double from 1 s, so a job waits at most as long again as it has been
    /// failing.
    const DELAY_MAX: Duration = Duration::from_hours(2);

    /// Time after which a job that still fails is parked; `None` where it is attempted for as long as it takes.
    const LIFETIME: Option<Duration> = None;

    /// Calls of fresh jobs that one instance makes at a time; of jobs that have failed it makes half as many more. Size it by
    /// what the upstream takes: a connection of the pool is needed only before and after a call.
    const CALLS_MAX: usize = 8;

    /// The state of the service that [`Job::run`] works with.
    type App: Clone + Send + Sync + 'static;

    /// Makes the call, and commits its result together with [`crate::Tx::complete`].
    ///
    /// A failure means that the outcome is not definite, and the job is attempted again. A permanent one parks the job: it
    /// waits for an operator.
    fn run(self, claim: &JobClaim, app: &Self::App) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A worker's claim on a job, valid until its lease expires.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct JobClaim {
    /// The job's id, from which the idempotency key of the call derives.
    pub id: Uuid,
    /// Id of the entity that the call is about.
    pub subject: Uuid,
    /// Number of claims, this one included. Claims that ended with [`Failure::NotTried`] are not counted: at 1, nothing can
    /// have been sent before.
    pub attempts: i32,
    /// Number of failures since it was enqueued, or since an operator had it tried again.
    pub(super) failures: i32,
    /// Seconds since then.
    pub(super) age_s: f64,
    pub(super) kind: String,
    pub(super) payload: serde_json::Value,
    pub(super) correlation_id: String,
    pub(super) causation_id: String,
    pub(super) traceparent: Option<String>,
    pub(super) lease: Option<Uuid>,
}

impl JobClaim {
    /// Returns the context of whatever the call causes: that of the event or request that enqueued the job, since a job's id
    /// is no event's and would lead nowhere.
    pub fn context(&self) -> Context {
        Context::caused_by(&self.correlation_id, &self.causation_id, self.traceparent.clone())
    }
}
