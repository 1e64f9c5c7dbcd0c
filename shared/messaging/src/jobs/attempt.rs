//! One attempt at a job: the call under its lease, and what follows if it fails.

use super::{
    availability::Availability,
    job::{Job, JobClaim},
    schedule::Next,
    table::{release, renew},
};
use crate::failure::Failure;
use database::Database;
use futures_util::FutureExt;
use kernel::chain;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// Age of the last renewal after which a worker abandons its call, well before the lease expires and another worker may
/// claim the job: otherwise two would make the same call at once. The margin covers the difference between the clocks of
/// the database and of this process.
const RENEWED_AT_LEAST: Duration = Duration::from_secs(9);
const RUN_TIMEOUT: Duration = Duration::from_secs(45);

/// Makes one attempt. Returns what it found out about the upstream's availability.
pub(super) async fn attempt<J: Job>(database: Database, app: J::App, claim: JobClaim) -> Option<Availability> {
    let (failure, next) = match serde_json::from_value::<J>(claim.payload.clone()) {
        Ok(job) => {
            let Err(failure) = call(job, &database, &app, &claim).await else {
                return Some(Availability::available());
            };
            let next = Next::after::<J>(&claim, &failure);
            (failure, next)
        }
        Err(error) => {
            let unreadable = Failure::permanent(format!("the payload cannot be read: {error}"));
            (unreadable, Next::parked_untried(&claim))
        }
    };
    report(&claim, &failure, next);
    if let Err(error) = release(&database, &claim, next, &failure.to_string()).await {
        let error = chain(&error);
        tracing::warn!(job.id = %claim.id, dependency = "postgres", error, "Cannot schedule the next attempt; the lease will expire");
    }
    match failure {
        Failure::NotTried { after, .. } => Some(Availability::unavailable_for(after)),
        _ => None,
    }
}

/// Makes the call for as long as the claim is valid.
async fn call<J: Job>(job: J, database: &Database, app: &J::App, claim: &JobClaim) -> Result<(), Failure> {
    let call = AssertUnwindSafe(job.run(claim, app)).catch_unwind();
    let outcome = tokio::select! {
        biased;
        outcome = timeout(RUN_TIMEOUT, call) => outcome,
        lost = claim_lost(database, claim) => return Err(lost),
    };
    match outcome {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Failure::transient("the job panicked")),
        Err(_) => Err(Failure::transient(format!("no outcome within {RUN_TIMEOUT:?}"))),
    }
}

fn report(claim: &JobClaim, failure: &Failure, next: Next) {
    let JobClaim { id, kind, attempts, .. } = claim;
    let (error, correlation_id) = (chain(failure), &claim.correlation_id);
    if next.delay.is_none() {
        tracing::error!(
            code = "job.parked",
            job.kind = %kind,
            job.id = %id,
            attempts,
            error,
            correlation_id,
            "Job parked until an operator retries or discards it: it cannot succeed, or its lifetime is over"
        );
        metrics::counter!("intents_parked_total", "kind" => kind.clone()).increment(1);
    } else if matches!(failure, Failure::NotTried { .. }) {
        // If a breaker refused it, the breaker has logged that it opened, and logs when it closes.
        tracing::debug!(job.kind = %kind, job.id = %id, error, "Job not attempted: upstream unavailable");
    } else {
        tracing::warn!(
            code = "job.retried",
            job.kind = %kind,
            job.id = %id,
            attempts,
            error,
            correlation_id,
            "Job has no definite outcome yet and will be attempted again"
        );
        metrics::counter!("intent_attempts_failed_total", "kind" => kind.clone()).increment(1);
    }
}

/// Renews the claim until that fails; returns when the claim can no longer be trusted.
async fn claim_lost(database: &Database, claim: &JobClaim) -> Failure {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(RENEW_INTERVAL).await;
        let asked = Instant::now();
        match timeout_at(renewed + RENEWED_AT_LEAST, renew(database, claim)).await {
            Ok(Ok(true)) => renewed = asked,
            Ok(Ok(false)) => return Failure::transient("the lease has passed to another worker"),
            Ok(Err(error)) if renewed.elapsed() < RENEWED_AT_LEAST => {
                let error = chain(&error);
                tracing::info!(job.id = %claim.id, dependency = "postgres", error, "Lease not renewed yet");
            }
            Ok(Err(_)) | Err(_) => return Failure::transient("the lease could not be renewed in time"),
        }
    }
}
