//! The storm: faults of every kind on every process, as a seed deals them, while orders flow.

use crate::{
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
            .push(run::finding("I15", title, reached.len(), missing));
    }
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
    // What could not be applied is told in the report, and counts as no fault.
    scene.inflict(&planned.fault).await.ok();
}
