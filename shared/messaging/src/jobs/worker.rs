//! The worker of one kind of job: claims, runs, renews, and schedules the next attempt.

use super::{
    availability::Availability,
    job::{Job, JobClaim},
    table::{claim, postpone, renew},
};
use crate::failure::Failure;
use database::{Database, with_timeout};
use futures_util::FutureExt;
use kernel::chain;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Calls of one kind that one instance makes at a time.
const CONCURRENT_CALLS: usize = 8;
const RENEW_INTERVAL: Duration = Duration::from_secs(3);
/// Age of the last renewal after which a worker abandons its call, well before the lease expires and another worker may
/// claim the job: otherwise two would make the same call at once. The margin covers the difference between the clocks of
/// the database and of this process.
const RENEWED_AT_LEAST: Duration = Duration::from_secs(9);
const RUN_TIMEOUT: Duration = Duration::from_secs(45);
/// Interval at which due jobs are polled without a signal from a commit.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the jobs of one kind until `stop`, then waits at most 10 s for the calls under way.
pub async fn run_worker<J: Job>(database: Database, app: J::App, stop: CancellationToken) {
    let mut committed = database.signals().subscribe(J::KIND);
    let mut calls = JoinSet::new();
    let mut upstream = Availability::available();
    while !stop.is_cancelled() {
        while let Some(ended) = calls.try_join_next() {
            upstream = upstream.latest(ended);
        }
        committed.clear();
        let cooldown_until = upstream.cooldown_until();
        if cooldown_until.is_none() {
            for claim in due::<J>(&database, CONCURRENT_CALLS - calls.len()).await {
                calls.spawn(run::<J>(database.clone(), app.clone(), claim));
            }
        }
        let next_poll = cooldown_until.unwrap_or_else(|| Instant::now() + POLL_INTERVAL);
        tokio::select! {
            () = stop.cancelled() => {}
            // With room for more calls, the last poll has claimed every due job, and the end of a call changes nothing.
            Some(ended) = calls.join_next(), if calls.len() == CONCURRENT_CALLS || cooldown_until.is_some() => {
                upstream = upstream.latest(ended);
            }
            () = committed.notified(), if calls.len() < CONCURRENT_CALLS => {}
            () = sleep_until(next_poll) => {}
        }
    }
    let drained = async { while calls.join_next().await.is_some() {} };
    if timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        let kind = J::KIND;
        tracing::warn!(
            job.kind = kind,
            "Stopping with calls under way; they will be attempted again"
        );
    }
}

async fn due<J: Job>(database: &Database, limit: usize) -> Vec<JobClaim> {
    with_timeout(claim(database, J::KIND, limit))
        .await
        .unwrap_or_else(|error| {
            let (kind, error) = (J::KIND, chain(&error));
            tracing::warn!(job.kind = kind, dependency = "postgres", error, "Cannot claim due jobs");
            Vec::new()
        })
}

/// Makes one call. Returns what it found out about the upstream's availability.
async fn run<J: Job>(database: Database, app: J::App, claim: JobClaim) -> Option<Availability> {
    let call = async {
        let job: J = serde_json::from_value(claim.payload.clone())
            .map_err(|error| Failure::permanent(format!("the payload cannot be read: {error}")))?;
        job.run(&claim, &app).await
    };
    let outcome = tokio::select! {
        biased;
        outcome = timeout(RUN_TIMEOUT, AssertUnwindSafe(call).catch_unwind()) => outcome,
        lost = claim_lost(&database, &claim) => Ok(Ok(Err(lost))),
    };
    let failure = match outcome {
        Ok(Ok(Ok(()))) => return Some(Availability::available()),
        Ok(Ok(Err(failure))) => failure,
        Ok(Err(_)) => Failure::transient("the job panicked"),
        Err(_) => Failure::transient(format!("no outcome within {RUN_TIMEOUT:?}")),
    };
    report(&claim, &failure);
    let (attempts, delay) = next_attempt(&claim, &failure);
    if let Err(error) = postpone(&database, &claim, attempts, delay, &failure.to_string()).await {
        let error = chain(&error);
        tracing::warn!(job.id = %claim.id, dependency = "postgres", error, "Cannot schedule the next attempt; the lease will expire");
    }
    match failure {
        Failure::NotTried { after, .. } => Some(Availability::unavailable_for(after)),
        _ => None,
    }
}

fn report(claim: &JobClaim, failure: &Failure) {
    let JobClaim { id, kind, attempts, .. } = claim;
    if let Failure::NotTried { reason, .. } = failure {
        // The breaker has logged that it opened, and logs when it closes.
        return tracing::debug!(job.kind = %kind, job.id = %id, %reason, "Job not attempted: circuit open");
    }
    tracing::warn!(
        code = "job.retried",
        job.kind = %kind,
        job.id = %id,
        attempts,
        error = chain(failure),
        correlation_id = %claim.correlation_id,
        "Job has no definite outcome yet and will be attempted again"
    );
    metrics::counter!("intent_attempts_failed_total", "kind" => kind.clone()).increment(1);
}

/// Returns the number of attempts to count, and the delay: 1 s, 2 s, 4 s … up to 32 s, unless the failure says otherwise.
///
/// A job that was not tried counts as never claimed; otherwise its delays would grow during an outage, and outlast it.
fn next_attempt(claim: &JobClaim, failure: &Failure) -> (i32, Duration) {
    match failure {
        Failure::NotTried { after, .. } => (claim.attempts - 1, *after),
        Failure::Transient { after: Some(after), .. } => (claim.attempts, *after),
        _ => {
            let delay_s = 1_u64 << (claim.attempts - 1).clamp(0, 5);
            (claim.attempts, Duration::from_secs(delay_s))
        }
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
