//! One supervised process: started again a second after each death, and every start and end written down.

use super::{
    Program,
    probe::Probe,
    signal::{Signal, send},
};
use crate::trouble::Trouble;
use std::{
    collections::BTreeMap,
    fs::File,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

const RESTART_DELAY: Duration = Duration::from_secs(1);
const PROBE_INTERVAL: Duration = Duration::from_millis(50);
/// How much of its log tells what it is at.
const LAST_LINES: usize = 20;
/// A service must stop within this time.
pub const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A process and its history.
#[derive(Debug)]
pub struct Process {
    /// E.g. `order-service-1`.
    pub name: String,
    /// What it runs.
    pub program: Program,
    /// `http://127.0.0.1:port` of its probes and its status page, where it has them.
    pub address: Option<String>,
    shared: Arc<Shared>,
    _supervision: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    pid: watch::Sender<Option<u32>>,
    log: Mutex<Log>,
    probe: Probe,
    output: PathBuf,
}

/// What became of it so far.
#[derive(Debug, Clone, Default)]
struct Log {
    /// Set by whoever sends a signal; the next end is blamed on it.
    asked: Option<Signal>,
    starts: Vec<Start>,
    ends: Vec<End>,
    finished: bool,
}

/// A start.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// When.
    pub at: Instant,
    /// How long it took until the process said that it is ready.
    pub ready_after: Option<Duration>,
}

/// An end.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// When.
    pub at: Instant,
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What had been sent to it.
    pub asked: Option<Signal>,
}

impl Process {
    /// Starts it and supervises it from now on.
    pub fn start(
        program: Program,
        name: String,
        run_dir: &Path,
        settings: BTreeMap<String, String>,
    ) -> Result<Self, Trouble> {
        let address = program
            .probe_setting
            .and_then(|setting| settings.get(setting))
            .map(|at| format!("http://{at}"));
        let launch = Launch::new(program, &name, run_dir, settings)?;
        let probed = address
            .as_ref()
            .map(|address| format!("{address}{}", program.probe_path));
        let shared = Arc::new(Shared {
            pid: watch::Sender::default(),
            log: Mutex::default(),
            probe: Probe::new(probed)?,
            output: launch.output.clone(),
        });
        let mut supervision = JoinSet::new();
        supervision.spawn(supervise(launch, Arc::clone(&shared)));
        Ok(Self {
            name,
            program,
            address,
            shared,
            _supervision: supervision,
        })
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        *self.shared.pid.borrow()
    }

    /// Asks it to stop, or kills it; `false` if it does not run. A process that stands still is woken to hear it.
    pub fn end(&self, signal: Signal) -> bool {
        let Some(pid) = self.pid() else { return false };
        // One that had to be killed because it did not stop is still one that was asked to stop.
        self.shared.log().asked.get_or_insert(signal);
        send(pid, signal) && send(pid, Signal::Cont)
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.pid().is_some() && self.shared.probe.refusal().await.is_none()
    }

    /// What it answers when it is asked whether it is ready, and the end of its log: for whoever finds out why it is not.
    pub async fn condition(&self) -> String {
        let answer = match self.pid() {
            Some(_) => self.shared.probe.refusal().await.unwrap_or_else(|| "ready".to_owned()),
            None => "it does not run".to_owned(),
        };
        let log = std::fs::read(&self.shared.output).unwrap_or_else(|error| error.to_string().into_bytes());
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        format!("{answer}\n{last}")
    }

    /// Every start so far.
    pub fn starts(&self) -> Vec<Start> {
        self.shared.log().starts.clone()
    }

    /// Every end so far.
    pub fn ends(&self) -> Vec<End> {
        self.shared.log().ends.clone()
    }

    /// Waits until it has another process id than `pid`.
    pub async fn until_not(&self, pid: u32, limit: Duration) -> bool {
        let mut now = self.shared.pid.subscribe();
        timeout(limit, now.wait_for(|now| *now != Some(pid))).await.is_ok()
    }

    /// Stops it for good; an error says what was wrong with that.
    pub async fn stop(&self) -> Result<(), String> {
        self.shared.log().finished = true;
        let Some(pid) = self.pid() else { return Ok(()) };
        let asked_at = Instant::now();
        self.end(Signal::Term);
        if !self.until_not(pid, STOP_LIMIT).await {
            self.end(Signal::Kill);
            self.until_not(pid, STOP_LIMIT).await;
            return Err(format!("{} did not stop within {STOP_LIMIT:?}", self.name));
        }
        match self.ends().last() {
            Some(End { code: Some(0), .. }) => Ok(()),
            end => Err(format!(
                "{} ended with {end:?} after {:?}",
                self.name,
                asked_at.elapsed()
            )),
        }
    }
}

/// How to start it.
struct Launch {
    program: PathBuf,
    arguments: &'static [&'static str],
    folder: PathBuf,
    output: PathBuf,
    settings: BTreeMap<String, String>,
}

impl Launch {
    fn new(program: Program, name: &str, run_dir: &Path, settings: BTreeMap<String, String>) -> Result<Self, Trouble> {
        let folder = run_dir.join("data").join(name);
        let log = run_dir.join("log").join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::create_dir_all(&log)?;
        let (binary, arguments): (_, &[_]) = match program.name {
            "topology-watch" => ("topology", &["watch"]),
            name => (name, &[]),
        };
        Ok(Self {
            program: run_dir.join("bin").join(binary),
            arguments,
            folder,
            output: log.join("current"),
            settings,
        })
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let output = File::options().create(true).append(true).open(&self.output)?;
        Command::new(&self.program)
            .args(self.arguments)
            .env_clear()
            .envs(&self.settings)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
    }
}

async fn supervise(launch: Launch, shared: Arc<Shared>) {
    while !shared.log().finished {
        match launch.spawn() {
            Ok(mut child) => {
                shared.started(child.id());
                let ended = tokio::select! {
                    ended = child.wait() => ended,
                    never = shared.until_ready() => match never {},
                };
                shared.ended(ended.ok());
            }
            Err(error) => eprintln!("{} cannot be started: {error}", launch.program.display()),
        }
        if !shared.log().finished {
            sleep(RESTART_DELAY).await;
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, pid: Option<u32>) {
        let at = Instant::now();
        self.log().starts.push(Start { at, ready_after: None });
        self.pid.send_replace(pid);
    }

    fn ended(&self, status: Option<ExitStatus>) {
        let mut log = self.log();
        let asked = log.asked.take();
        log.ends.push(End {
            at: Instant::now(),
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            asked,
        });
        drop(log);
        self.pid.send_replace(None);
    }

    /// Notes how long the newest start took to be ready, then stays.
    async fn until_ready(&self) -> std::convert::Infallible {
        while self.probe.refusal().await.is_some() {
            sleep(PROBE_INTERVAL).await;
        }
        if let Some(start) = self.log().starts.last_mut() {
            start.ready_after = Some(start.at.elapsed());
        }
        std::future::pending().await
    }
}
