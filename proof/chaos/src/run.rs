//! One run: the platform comes up, customers come, things are done to it, everybody goes home, and then it is judged.

use crate::{
    checker::{self, Expectations, Finding, Poison, Sources},
    ends::{self, Consumers, finding},
    fault::{Applied, Fault},
    history::Recorder,
    memory::{self, Holdings},
    platform::{Platform, variable},
    reached::Lookout,
    report::{Report, Served},
    traffic::{Summary, Traffic, TrafficConfig},
    trouble::Trouble,
};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long the harness waits for programs to be ready after the last fault.
const READY_LIMIT: Duration = Duration::from_mins(2);
const CUSTOMERS: u32 = 40;

/// What kind of run.
#[derive(Debug, Clone)]
pub struct Options {
    /// `storm`, `drills` or `windows`.
    pub name: &'static str,
    /// The command that repeats it.
    pub command: String,
    /// Decides what customers do, and, in a storm, what happens to them.
    pub seed: u64,
    /// How many orders arrive in a second.
    pub orders_per_s: f64,
    /// Before the first fault.
    pub warm_up: Duration,
    /// How long to wait for rest: longer than it may take, to be able to say how long it really takes.
    pub patience: Duration,
    /// Where this run's files go.
    pub folder: PathBuf,
    /// Where a test arms failpoints, in builds that have them.
    pub failpoints: Option<PathBuf>,
    /// What `make env` says.
    pub variables: HashMap<String, String>,
}

/// What the course of a run works with.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The platform.
    pub platform: &'a Platform,
    /// Its customers.
    pub traffic: &'a Traffic,
    started: Instant,
    faults: Mutex<Vec<Applied>>,
    poison: Mutex<Vec<Poison>>,
}

/// What the course of a run found by itself.
#[derive(Debug, Default)]
pub struct Course {
    /// What it judged.
    pub findings: Vec<Finding>,
    /// What it measured, in words.
    pub measures: BTreeMap<String, String>,
}

impl Scene<'_> {
    /// Since the start of the run.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Applies a fault, says so, and writes it down.
    pub async fn inflict(&self, fault: &Fault) -> Result<String, String> {
        let at = self.started.elapsed();
        eprintln!("{:>7.1} s  {fault}", at.as_secs_f64());
        let seen = fault.apply(self.platform).await.map_err(|trouble| trouble.to_string());
        if let Fault::Poison(key, body) = fault {
            let poison = Poison {
                body: body.clone().into_bytes(),
                queues: queues_of(key),
                published: seen.is_ok(),
            };
            self.poison.lock().unwrap_or_else(PoisonError::into_inner).push(poison);
        }
        if let Err(why) = &seen {
            eprintln!("           {fault}: not applied: {why}");
        }
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Applied {
                at_ms: millis(at),
                kind: fault.kind(),
                what: fault.to_string(),
                took_ms: millis(self.started.elapsed().saturating_sub(at)),
                seen: seen.clone(),
            });
        seen
    }
}

/// Does a whole run. `course` is what happens between the warm-up and the end of the traffic.
pub async fn run(
    options: Options,
    course: impl AsyncFnOnce(&Scene<'_>) -> Result<Course, Trouble>,
) -> Result<Report, Trouble> {
    std::fs::create_dir_all(&options.folder)?;
    let history = options.folder.join("history.jsonl");
    let recorder = Arc::new(Recorder::create(&history)?);
    let platform = Platform::start(options.variables.clone(), options.failpoints.as_deref()).await?;
    let traffic = open_traffic(&options, &platform, &recorder).await?;
    let lookout = Lookout::new()?;
    let scene = Scene {
        platform: &platform,
        traffic: &traffic,
        started: Instant::now(),
        faults: Mutex::default(),
        poison: Mutex::default(),
    };
    let stop = CancellationToken::new();
    let acts = async {
        let acted = act(&options, &scene, course).await;
        stop.cancel();
        acted
    };
    let (acted, summary, ()) = tokio::join!(acts, traffic.run(stop.clone()), lookout.watch(&platform, stop.clone()));
    recorder.flush()?;
    let expectations = Expectations {
        poison: std::mem::take(&mut *scene.poison.lock().unwrap_or_else(PoisonError::into_inner)),
    };
    let faults = std::mem::take(&mut *scene.faults.lock().unwrap_or_else(PoisonError::into_inner));
    let over = Over {
        options,
        platform: &platform,
        acted: acted?,
        summary,
        faults,
    };
    over.judged(&lookout, &history, &expectations).await
}

/// A run whose traffic has ended.
struct Over<'a> {
    options: Options,
    platform: &'a Platform,
    acted: Acted,
    summary: Summary,
    faults: Vec<Applied>,
}

struct Acted {
    course: Course,
    baseline: Holdings,
    consumers: Finding,
    ended: Instant,
}

/// Warm-up, course, and the wait until everything is up again.
async fn act(
    options: &Options,
    scene: &Scene<'_>,
    course: impl AsyncFnOnce(&Scene<'_>) -> Result<Course, Trouble>,
) -> Result<Acted, Trouble> {
    sleep(options.warm_up).await;
    let baseline = memory::read(scene.platform);
    let consumers: Consumers = scene.platform.servers.consumers().await?;
    let course = course(scene).await?;
    scene.platform.heal_links();
    let ended = Instant::now();
    scene.platform.until_ready(READY_LIMIT).await?;
    Ok(Acted {
        course,
        baseline,
        consumers: ends::consumers(scene.platform, &consumers).await,
        ended,
    })
}

async fn open_traffic(options: &Options, platform: &Platform, recorder: &Arc<Recorder>) -> Result<Traffic, Trouble> {
    let text = |name| variable(&options.variables, name).map(str::to_owned);
    let config = TrafficConfig {
        gateways: platform.gateways.clone(),
        orders_per_s: options.orders_per_s,
        customers: CUSTOMERS,
        seed: options.seed,
        admin_email: text("ADMIN_EMAIL")?,
        admin_password: text("ADMIN_PASSWORD")?,
    };
    Ok(Traffic::open(config, Arc::clone(recorder)).await?)
}

impl Over<'_> {
    /// Waits for rest, judges, stops everything.
    async fn judged(self, lookout: &Lookout, history: &Path, expectations: &Expectations) -> Result<Report, Trouble> {
        let sources = Sources::new(&self.options.variables, history)?;
        let before = self.acted.ended.elapsed();
        let rest = checker::quiesce(&sources, self.options.patience).await?;
        let until_rest = before + Duration::from_millis(rest.took_ms);
        let afterwards = memory::settled(self.platform, &self.acted.baseline).await;
        let mut verdict = checker::check(&sources, expectations).await?;
        let run_dir = PathBuf::from(variable(&self.options.variables, "RUN_DIR")?);
        let reached = lookout.reached(self.platform, &run_dir)?;
        let stops = self.platform.stop().await;
        let grown = memory::grown(&self.acted.baseline, &afterwards);
        let processes = &self.platform.processes;
        verdict.findings.extend([
            finding(
                "I12",
                "memory and open files are back where they were",
                afterwards.len(),
                grown,
            ),
            ends::rest(&rest, until_rest),
            self.acted.consumers,
            ends::stops(processes, stops, self.options.failpoints.is_some()),
            ends::panics(processes, &reached),
            ends::clients(&self.summary),
        ]);
        verdict.findings.extend(self.acted.course.findings);
        Ok(Report {
            options: self.options,
            verdict,
            faults: self.faults,
            measures: self.acted.course.measures,
            reached,
            until_rest,
            baseline: self.acted.baseline,
            afterwards,
            served: Served::by(&self.platform.processes),
            summary: self.summary,
        })
    }
}

/// The queues that a message with this key reaches.
fn queues_of(key: &str) -> Vec<String> {
    let queues: &[&str] = match key {
        "order.placed" => &[
            "notification-queue",
            "inventory-queue",
            "payment-queue",
            "analytics-queue",
        ],
        "order.confirmed" => &["notification-queue", "inventory-queue", "analytics-queue"],
        "payment.completed" => &["order-queue", "analytics-queue"],
        "user.updated" => &["notification-queue", "analytics-queue"],
        _ => &["analytics-queue"],
    };
    queues.iter().map(|queue| (*queue).to_owned()).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
