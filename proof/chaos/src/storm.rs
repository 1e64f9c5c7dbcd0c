//! The storm: faults of every kind on every process, as a seed deals them, while orders flow.

use crate::{
    ends,
    reached::Reached,
    report::Report,
    run::{self, Course, Options, Scene},
    schedule::{self, Planned},
    trouble::Trouble,
};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::sleep;

/// From this length on, a storm must have reached every dangerous situation.
const WHOLE: Duration = Duration::from_mins(10);
/// One in so many faults may meet a process that an earlier one has ended.
const COLLISIONS: usize = 10;

/// Runs a storm of this length.
pub async fn storm(mut options: Options, length: Duration) -> Result<Report, Trouble> {
    options.warm_up = schedule::WARM_UP;
    let seed = options.seed;
    let mut report = run::run(options, async |scene: &Scene<'_>| Ok(blow(scene, seed, length).await)).await?;
    if length >= WHOLE {
        let reached: &Reached = &report.reached;
        let missing = crate::reached::missing(reached);
        let title = "every dangerous situation was really reached";
        report
            .verdict
            .findings
            .push(ends::finding("I15", title, reached.len(), missing));
    }
    let may_fail = report.faults.len() / COLLISIONS;
    report.verdict.findings.push(ends::faults(&report.faults, may_fail));
    Ok(report)
}

async fn blow(scene: &Scene<'_>, seed: u64, length: Duration) -> Course {
    let processes: Vec<String> = scene
        .platform
        .processes
        .iter()
        .map(|process| process.name.clone())
        .collect();
    let links: Vec<String> = scene.platform.links.iter().map(|link| link.name.clone()).collect();
    let planned = schedule::plan(seed, length, &processes, &links);
    join_all(planned.iter().map(|planned| strike(scene, planned))).await;
    sleep(length.saturating_sub(scene.elapsed())).await;
    Course::default()
}

async fn strike(scene: &Scene<'_>, planned: &Planned) {
    sleep(planned.at.saturating_sub(scene.elapsed())).await;
    // What could not be applied counts as no fault; that it was not too much is judged in the end.
    scene.inflict(&planned.fault).await.ok();
}
