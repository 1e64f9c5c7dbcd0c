//! One run: the platform starts, clients send their requests, faults are injected, and in the end the evidence is
//! judged.

use crate::{
    check::{self, Finding, process_checks},
    collect::{
        coverage::CoverageRecorder,
        evidence_query::EvidenceQuery,
        expectations::Expectations,
        quiescence::quiesce,
        resources::{self, ResourceUsage},
    },
    drive::{Summary, Traffic},
    history::Recorder,
    inject::{AppliedFault, Cluster, apply_fault},
    options::Options,
    plan::fault::Fault,
    report::{ProcessFigures, Report},
};
use platform_client::HarnessError;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Limit for the programs to be ready after the last fault.
const READY_LIMIT: Duration = Duration::from_mins(2);

/// The platform and its clients, as a storm, the drills and the windows use them.
#[derive(Debug)]
pub(crate) struct RunContext<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) traffic: &'a Traffic,
    started: Instant,
    faults: Mutex<Vec<AppliedFault>>,
}

/// The findings and measurements of a storm, the drills or the windows themselves.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    pub(crate) findings: Vec<Finding>,
    /// Measured figures, as text.
    pub(crate) measures: BTreeMap<String, String>,
}

impl RunContext<'_> {
    /// Time since the start of the run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Applies a fault, prints and records it. Returns its visible effect.
    pub(crate) async fn inject(&self, fault: Fault) -> Result<String, String> {
        let at = self.started.elapsed();
        eprintln!("{:>7.1} s  {fault}", at.as_secs_f64());
        let effect = apply_fault(&fault, self.cluster).await;
        let effect = effect.map_err(|error| error.to_string());
        if let Err(why) = &effect {
            eprintln!("           {fault}: not applied: {why}");
        }
        let applied = AppliedFault {
            at_ms: millis(at),
            fault,
            took_ms: millis(self.started.elapsed().saturating_sub(at)),
            effect: effect.clone(),
        };
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(applied);
        effect
    }
}

/// Does a whole run. `schedule` is its part between the warm-up and the end of the traffic.
pub(crate) async fn run(
    options: Options,
    schedule: impl AsyncFnOnce(&RunContext<'_>) -> Result<Observations, HarnessError>,
) -> Result<Report, HarnessError> {
    std::fs::create_dir_all(&options.folder)?;
    let history = options.folder.join("history.jsonl");
    let recorder = Arc::new(Recorder::create(&history)?);
    let cluster = Cluster::start(&options.environment, options.failpoints.as_deref()).await?;
    let load = (options.seed, options.orders_per_s);
    let gateways = cluster.gateways.clone();
    let traffic = Traffic::open(&options.environment, gateways, load, Arc::clone(&recorder)).await?;
    let coverage = CoverageRecorder::new()?;
    let context = RunContext {
        cluster: &cluster,
        traffic: &traffic,
        started: Instant::now(),
        faults: Mutex::default(),
    };
    let stop = CancellationToken::new();
    let faults = async {
        let faulted = inject_all(&options, &context, schedule).await;
        stop.cancel();
        faulted
    };
    let (faulted, summary, ()) = tokio::join!(
        faults,
        traffic.run(stop.clone()),
        coverage.watch(&cluster, stop.clone())
    );
    recorder.flush()?;
    let (faults, started) = (context.faults, context.started);
    let result = RunResult {
        options,
        cluster: &cluster,
        faulted: faulted?,
        summary,
        faults: faults.into_inner().unwrap_or_else(PoisonError::into_inner),
        started,
    };
    result.judge(&coverage, &history).await
}

/// A run whose traffic has ended.
struct RunResult<'a> {
    options: Options,
    cluster: &'a Cluster,
    faulted: Faulted,
    summary: Summary,
    faults: Vec<AppliedFault>,
    started: Instant,
}

/// The outcome of the part with faults.
struct Faulted {
    observations: Observations,
    baseline: ResourceUsage,
    consumers: Finding,
    ended: Instant,
}

/// Warms up, injects the faults, and waits until every program is ready again.
async fn inject_all(
    options: &Options,
    context: &RunContext<'_>,
    schedule: impl AsyncFnOnce(&RunContext<'_>) -> Result<Observations, HarnessError>,
) -> Result<Faulted, HarnessError> {
    let cluster = context.cluster;
    sleep(options.warm_up).await;
    let baseline = resources::measure(cluster);
    let consumers = cluster.servers.broker.consumers().await?;
    let observations = schedule(context).await?;
    cluster.heal_links();
    let ended = Instant::now();
    cluster.until_ready(READY_LIMIT).await?;
    Ok(Faulted {
        observations,
        baseline,
        consumers: process_checks::consumers(cluster, &consumers).await,
        ended,
    })
}

impl RunResult<'_> {
    /// Waits until the platform is quiescent, judges the evidence, and stops the programs.
    async fn judge(self, coverage: &CoverageRecorder, history: &Path) -> Result<Report, HarnessError> {
        let query = EvidenceQuery::new(&self.options.environment, history)?;
        let before = self.faulted.ended.elapsed();
        let quiescence = quiesce(&query, self.options.quiescence_limit).await;
        let until_quiescent = before + Duration::from_millis(quiescence.took_ms);
        let afterwards = resources::measure_settled(self.cluster, &self.faulted.baseline).await;
        let expectations = Expectations::of(&self.faults, &self.cluster.processes, self.started);
        let mut verdict = check::check(&query, expectations, self.options.judges_waits).await?;
        let coverage = coverage.coverage(self.cluster, &self.options.environment.run_dir()?)?;
        let stops = self.cluster.stop().await;
        let processes = &self.cluster.processes;
        verdict.findings.extend([
            process_checks::resources(&self.faulted.baseline, &afterwards),
            process_checks::quiescence(&quiescence, until_quiescent),
            self.faulted.consumers,
            process_checks::exits(processes, stops, self.options.failpoints.is_some()),
            process_checks::panics(processes, &coverage),
            process_checks::clients(&self.summary),
        ]);
        verdict.findings.extend(self.faulted.observations.findings);
        Ok(Report {
            options: self.options,
            verdict,
            faults: self.faults,
            measures: self.faulted.observations.measures,
            coverage,
            until_quiescent,
            baseline: self.faulted.baseline,
            afterwards,
            process_figures: ProcessFigures::of(processes),
            summary: self.summary,
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
