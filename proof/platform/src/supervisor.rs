//! Local mode's supervisor, s6: starts, stops and kills the processes that run under it.

use crate::{
    error::HarnessError,
    poll::poll_until,
    process::{self, Signal},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::process::Command;

/// Limit for a process to follow its supervisor.
const CHANGE_LIMIT: Duration = Duration::from_mins(2);

/// Access to the supervised processes, by name.
#[derive(Debug, Clone)]
pub struct Supervisor {
    services: PathBuf,
}

impl Supervisor {
    /// The supervisor of this run folder.
    pub fn new(run_dir: &Path) -> Self {
        Self {
            services: run_dir.join("services"),
        }
    }

    /// The process id, if the process runs.
    pub async fn pid(&self, name: &str) -> Option<u32> {
        let mut command = Command::new("s6-svstat");
        let output = command.args(["-o", "pid"]).arg(self.services.join(name)).output().await;
        // s6 prints -1 for a process that is down.
        String::from_utf8(output.ok()?.stdout).ok()?.trim().parse().ok()
    }

    /// Kills a process as `kill -9` would, and waits until the supervisor has started another.
    pub async fn kill(&self, name: &str) -> Result<(), HarnessError> {
        let pid = self.pid(name).await;
        let pid = pid.ok_or_else(|| HarnessError::unexpected(format!("{name} does not run")))?;
        process::send(pid, Signal::Kill);
        self.wait_for_pid(name, |now| now.is_some_and(|now| now != pid)).await
    }

    /// Stops a process by its proper signal and keeps it down.
    pub async fn stop(&self, name: &str) -> Result<(), HarnessError> {
        self.control(name, "-d").await?;
        self.wait_for_pid(name, |now| now.is_none()).await
    }

    /// Starts a stopped process, and waits until it has a process id.
    pub async fn start(&self, name: &str) -> Result<(), HarnessError> {
        self.control(name, "-u").await?;
        self.wait_for_pid(name, |now| now.is_some()).await
    }

    async fn control(&self, name: &str, flag: &str) -> Result<(), HarnessError> {
        let mut command = Command::new("s6-svc");
        let status = command.arg(flag).arg(self.services.join(name)).status().await?;
        let failed = || HarnessError::unexpected(format!("s6-svc {flag} {name}: {status}"));
        status.success().then_some(()).ok_or_else(failed)
    }

    async fn wait_for_pid(&self, name: &str, is_reached: impl Fn(Option<u32>) -> bool) -> Result<(), HarnessError> {
        let reached = poll_until(CHANGE_LIMIT, async || is_reached(self.pid(name).await)).await;
        reached.map(drop).ok_or_else(|| HarnessError::Timeout {
            condition: format!("{name} to follow its supervisor"),
            limit: CHANGE_LIMIT,
        })
    }
}
