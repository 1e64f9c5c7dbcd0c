//! The kinds of job that a service runs, for what is done to a job by its kind alone.

use super::{job::Job, operator::JobRecord};
use crate::{failure::Failure, tx::Tx};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;

type Discarded = for<'a> fn(&'a JobRecord, &'a str, &'a mut Tx) -> BoxFuture<'a, Result<(), Failure>>;

/// The effect of a discard, by kind of job.
#[derive(Debug, Clone, Default)]
pub struct JobKinds(BTreeMap<&'static str, Discarded>);

impl JobKinds {
    /// Adds a kind.
    pub fn add<J: Job>(&mut self) {
        self.0.insert(J::KIND, discarded::<J>);
    }

    /// Ends whatever waits for the job. For a kind that the service no longer runs nothing does.
    pub(super) async fn discarded(&self, job: &JobRecord, reason: &str, tx: &mut Tx) -> Result<(), Failure> {
        match self.0.get(job.kind.as_str()) {
            Some(discarded) => discarded(job, reason, tx).await,
            None => Ok(()),
        }
    }
}

fn discarded<'a, J: Job>(job: &'a JobRecord, reason: &'a str, tx: &'a mut Tx) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(J::discarded(job, reason, tx))
}
