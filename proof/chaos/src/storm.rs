//! The storm: faults of every kind on every process, as the seed schedules them, while orders flow.

use crate::{
    check::process_checks,
    options::Options,
    plan::faults::{self, ScheduledFault},
    report::Report,
    run::{self, Observations, RunContext},
};
use futures_util::future::join_all;
use platform_client::HarnessError;
use std::time::Duration;
use tokio::time::sleep;

/// From this length on, a storm must have reached every dangerous situation.
const FULL_LENGTH: Duration = Duration::from_mins(10);
/// One in so many faults may meet a process that an earlier fault has ended.
const COLLISIONS: usize = 10;

/// Runs a storm of this length.
pub(crate) async fn run_storm(mut options: Options, length: Duration) -> Result<Report, HarnessError> {
    options.warm_up = faults::WARM_UP;
    let seed = options.seed;
    let mut report = run::run(options, async |context: &RunContext<'_>| {
        inject_schedule(context, seed, length).await;
        Ok(Observations::default())
    })
    .await?;
    if length >= FULL_LENGTH {
        report.verdict.findings.push(process_checks::coverage(&report.coverage));
    }
    let may_fail = report.faults.len() / COLLISIONS;
    let applied = process_checks::faults(&report.faults, may_fail);
    report.verdict.findings.push(applied);
    Ok(report)
}

async fn inject_schedule(context: &RunContext<'_>, seed: u64, length: Duration) {
    let cluster = context.cluster;
    let processes: Vec<String> = cluster.processes.iter().map(|process| process.name.clone()).collect();
    let links: Vec<String> = cluster.links.iter().map(|link| link.name.clone()).collect();
    let schedule = faults::schedule(seed, length, &processes, &links);
    join_all(schedule.iter().map(|scheduled| inject_in_time(context, scheduled))).await;
    sleep(length.saturating_sub(context.elapsed())).await;
}

async fn inject_in_time(context: &RunContext<'_>, scheduled: &ScheduledFault) {
    sleep(scheduled.at.saturating_sub(context.elapsed())).await;
    // A fault that could not be applied does not count; too many of them are a finding in the end.
    context.inject(scheduled.fault.clone()).await.ok();
}
