//! A supervised process: restarted a second after each exit, with every start and exit recorded.
//!
//! Local mode's supervisor, s6, cannot take its place: the harness needs the exit code of each single exit, the time
//! until each start was ready, and the signal that it had sent before.

use super::program::Program;
use platform_client::{
    HarnessError,
    answer::Answer,
    http,
    process::{Signal, send},
    settings::Settings,
};
use std::{
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
const PROBE_LIMIT: Duration = Duration::from_secs(3);
const PROBE_INTERVAL: Duration = Duration::from_millis(50);
/// Last lines of the log that describe a process's condition.
const LAST_LINES: usize = 20;
/// A service must stop within this time.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A process and its history.
#[derive(Debug)]
pub(crate) struct Process {
    /// Name, such as `order-service-1`.
    pub(crate) name: String,
    pub(crate) program: Program,
    /// Base URL of its probes and its status page, if it has them.
    pub(crate) address: Option<String>,
    shared: Arc<Shared>,
    _supervision: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    pid: watch::Sender<Option<u32>>,
    log: Mutex<Log>,
    http: reqwest::Client,
    /// A process without a probe is ready as soon as it runs.
    probe_url: Option<String>,
    output: PathBuf,
}

#[derive(Debug, Default)]
struct Log {
    /// Set before a signal is sent; the next exit is attributed to it.
    requested: Option<Signal>,
    starts: Vec<Start>,
    exits: Vec<Exit>,
    is_finished: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) at: Instant,
    /// Time until the process was ready; `None` if it exited before.
    pub(crate) ready_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit {
    pub(crate) at: Instant,
    /// Exit code; `None` after a fatal signal.
    pub(crate) code: Option<i32>,
    /// The signal that ended the process.
    pub(crate) signal: Option<i32>,
    /// Signal that the harness had sent.
    pub(crate) requested: Option<Signal>,
}

impl Process {
    /// Starts the process and supervises it from now on.
    pub(super) fn start(
        program: Program,
        name: String,
        run_dir: &Path,
        settings: Settings,
    ) -> Result<Self, HarnessError> {
        let setting = program.probe_setting.and_then(|setting| settings.get(setting));
        let address = setting.map(|address| format!("http://{address}"));
        let probe_url = address.as_ref().map(|base| format!("{base}{}", program.probe_path));
        let launch = Launch::new(program, &name, run_dir, settings)?;
        let shared = Arc::new(Shared {
            pid: watch::Sender::default(),
            log: Mutex::default(),
            http: http::client(PROBE_LIMIT, PROBE_LIMIT)?,
            probe_url,
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

    /// The process id, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        *self.shared.pid.borrow()
    }

    /// The process id, or the error that it does not run.
    pub(crate) fn running_pid(&self) -> Result<u32, HarnessError> {
        let down = || HarnessError::Unexpected(format!("{} does not run", self.name));
        self.pid().ok_or_else(down)
    }

    /// Sends SIGTERM or SIGKILL; `false` if the process does not run. A paused process is resumed to receive it.
    pub(crate) fn end(&self, signal: Signal) -> bool {
        let Some(pid) = self.pid() else { return false };
        // A process that has to be killed because it did not stop keeps its earlier request.
        self.shared.log().requested.get_or_insert(signal);
        send(pid, signal) && send(pid, Signal::Cont)
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.pid().is_some() && self.shared.refusal().await.is_none()
    }

    /// The answer of the readiness probe and the end of the log, for diagnosis.
    pub(super) async fn condition(&self) -> String {
        let answer = match self.pid() {
            Some(_) => self.shared.refusal().await.unwrap_or_else(|| "ready".to_owned()),
            None => "it does not run".to_owned(),
        };
        let log = std::fs::read(&self.shared.output).unwrap_or_else(|error| error.to_string().into_bytes());
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        format!("{answer}\n{last}")
    }

    /// Every start so far.
    pub(crate) fn starts(&self) -> Vec<Start> {
        self.shared.log().starts.clone()
    }

    /// Every exit so far.
    pub(crate) fn exits(&self) -> Vec<Exit> {
        self.shared.log().exits.clone()
    }

    /// Waits until the process id is no longer `pid`; `false` if it still is after `limit`.
    pub(crate) async fn until_not(&self, pid: u32, limit: Duration) -> bool {
        let mut now = self.shared.pid.subscribe();
        timeout(limit, now.wait_for(|now| *now != Some(pid))).await.is_ok()
    }

    /// Stops the process for good; the error describes an improper stop.
    pub(super) async fn stop(&self) -> Result<(), String> {
        self.shared.log().is_finished = true;
        let Some(pid) = self.pid() else { return Ok(()) };
        let requested_at = Instant::now();
        self.end(Signal::Term);
        if !self.until_not(pid, STOP_LIMIT).await {
            self.end(Signal::Kill);
            self.until_not(pid, STOP_LIMIT).await;
            return Err(format!("{} did not stop within {STOP_LIMIT:?}", self.name));
        }
        match self.exits().last() {
            Some(Exit { code: Some(0), .. }) => Ok(()),
            exit => Err(format!(
                "{} exited with {exit:?} after {:?}",
                self.name,
                requested_at.elapsed()
            )),
        }
    }
}

/// The parameters of a start.
struct Launch {
    program: PathBuf,
    arguments: &'static [&'static str],
    folder: PathBuf,
    output: PathBuf,
    settings: Settings,
}

impl Launch {
    fn new(program: Program, name: &str, run_dir: &Path, settings: Settings) -> std::io::Result<Self> {
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
    while !shared.log().is_finished {
        match launch.spawn() {
            Ok(mut child) => {
                shared.started(child.id());
                let status = tokio::select! {
                    status = child.wait() => status,
                    never = shared.record_readiness() => match never {},
                };
                shared.exited(status.ok());
            }
            Err(error) => eprintln!("{} cannot be started: {error}", launch.program.display()),
        }
        if !shared.log().is_finished {
            sleep(RESTART_DELAY).await;
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reason why the process is not ready; `None` if it is.
    async fn refusal(&self) -> Option<String> {
        match Answer::of(self.http.get(self.probe_url.as_ref()?)).await {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => Some(format!("{}: {}", answer.status, answer.body)),
            Err(error) => Some(format!("{error:?}")),
        }
    }

    fn started(&self, pid: Option<u32>) {
        let at = Instant::now();
        self.log().starts.push(Start { at, ready_after: None });
        self.pid.send_replace(pid);
    }

    fn exited(&self, status: Option<ExitStatus>) {
        let mut log = self.log();
        let requested = log.requested.take();
        log.exits.push(Exit {
            at: Instant::now(),
            code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            requested,
        });
        drop(log);
        self.pid.send_replace(None);
    }

    /// Records the time until the newest start was ready, then never returns.
    async fn record_readiness(&self) -> std::convert::Infallible {
        while self.refusal().await.is_some() {
            sleep(PROBE_INTERVAL).await;
        }
        if let Some(start) = self.log().starts.last_mut() {
            start.ready_after = Some(start.at.elapsed());
        }
        std::future::pending().await
    }
}
