//! The worker of one kind of job: claims what is due, in two lanes, and runs it.

use super::{
    attempt::attempt,
    availability::Availability,
    job::{Job, JobClaim},
    lane::Lane,
    table::claim,
};
use database::{Database, with_timeout};
use kernel::chain;
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// Interval at which due jobs are polled without a signal from a commit.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the jobs of one kind until `stop`, then waits at most 10 s for the calls under way.
pub async fn run_worker<J: Job>(database: Database, app: J::App, stop: CancellationToken) {
    tokio::join!(
        run_lane::<J>(Lane::Fresh, &database, &app, &stop),
        run_lane::<J>(Lane::Failed, &database, &app, &stop),
    );
}

async fn run_lane<J: Job>(lane: Lane, database: &Database, app: &J::App, stop: &CancellationToken) {
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
            for claim in due::<J>(database, lane, lane.calls_max() - calls.len()).await {
                calls.spawn(attempt::<J>(database.clone(), app.clone(), claim));
            }
        }
        let next_poll = cooldown_until.unwrap_or_else(|| Instant::now() + POLL_INTERVAL);
        tokio::select! {
            () = stop.cancelled() => {}
            // With room for more calls, the last poll has claimed every due job, and the end of a call changes nothing.
            Some(ended) = calls.join_next(), if calls.len() == lane.calls_max() || cooldown_until.is_some() => {
                upstream = upstream.latest(ended);
            }
            () = committed.notified(), if calls.len() < lane.calls_max() => {}
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

async fn due<J: Job>(database: &Database, lane: Lane, limit: usize) -> Vec<JobClaim> {
    with_timeout(claim(database, J::KIND, lane, limit))
        .await
        .unwrap_or_else(|error| {
            let (kind, error) = (J::KIND, chain(&error));
            tracing::warn!(job.kind = kind, dependency = "postgres", error, "Cannot claim due jobs");
            Vec::new()
        })
}
