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
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Interval at which due jobs are polled without a signal from a commit.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Time for which free calls wait for others to become free.
const REFILL_DELAY: Duration = Duration::from_millis(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

type Calls = JoinSet<Option<Availability>>;

/// Runs the jobs of one kind until `stop`, then waits at most 10 s for the calls under way.
pub async fn run_worker<J: Job>(database: Database, app: J::App, stop: CancellationToken) {
    tokio::join!(
        run_lane::<J>(Lane::Fresh, &database, &app, &stop),
        run_lane::<J>(Lane::Failed, &database, &app, &stop),
    );
}

async fn run_lane<J: Job>(lane: Lane, database: &Database, app: &J::App, stop: &CancellationToken) {
    let mut committed = database.signals().subscribe(J::KIND);
    let mut calls = Calls::new();
    let mut upstream = Availability::available();
    let calls_max = lane.calls_max::<J>();
    while !stop.is_cancelled() {
        while let Some(ended) = calls.try_join_next() {
            upstream = upstream.latest(ended);
        }
        committed.clear();
        let cooldown_until = upstream.cooldown_until();
        let room = calls_max - calls.len();
        // With fewer jobs due than were asked for, the end of a call changes nothing.
        let mut are_all_claimed = room > 0;
        if cooldown_until.is_none() && room > 0 {
            let claims = due::<J>(database, lane, room).await;
            are_all_claimed = claims.len() < room;
            for claim in claims {
                calls.spawn(attempt::<J>(database.clone(), app.clone(), claim));
            }
        }
        let heeds_ends = !calls.is_empty() && (!are_all_claimed || cooldown_until.is_some());
        let calls_left = cooldown_until.map_or(calls_max / 2, |_| calls_max);
        let next_poll = cooldown_until.unwrap_or_else(|| Instant::now() + POLL_INTERVAL);
        tokio::select! {
            () = stop.cancelled() => {}
            () = until_room(&mut calls, &mut upstream, calls_left), if heeds_ends => {}
            () = committed.notified(), if are_all_claimed => {}
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

/// Waits until no more than `calls_left` calls are under way, or some have ended and the others take longer: one claim of many
/// jobs costs hardly more than one of a single job.
async fn until_room(calls: &mut Calls, upstream: &mut Availability, calls_left: usize) {
    let Some(ended) = calls.join_next().await else { return };
    *upstream = upstream.latest(ended);
    let deadline = Instant::now() + REFILL_DELAY;
    while calls.len() > calls_left
        && let Ok(Some(ended)) = timeout_at(deadline, calls.join_next()).await
    {
        *upstream = upstream.latest(ended);
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
