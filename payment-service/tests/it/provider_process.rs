//! A sandbox provider as a process of its own.

use kernel::id;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use uuid::Uuid;

/// Delay of `pm_stall`, well beyond the service's timeout.
const STALL_MS: &str = "4000";

/// A running sandbox provider; killed with SIGKILL when it is dropped.
pub(crate) struct ProviderProcess {
    address: String,
    log: PathBuf,
    process: Option<Child>,
}

impl ProviderProcess {
    /// Starts a provider with an empty log on any free port.
    pub(crate) fn start() -> Self {
        let log = std::env::temp_dir().join(format!("provider-{}.jsonl", id::new()));
        let mut provider = Self {
            address: "127.0.0.1:0".to_owned(),
            log,
            process: None,
        };
        provider.restart();
        provider
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops it with SIGSTOP: it accepts connections and requests, and reads none of them.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Starts it again, with the address and the log that it had.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut process = Command::new(env!("CARGO_BIN_EXE_sandbox-provider"))
            .env("LISTEN_ADDR", &self.address)
            .env("PROVIDER_LOG", &self.log)
            .env("STALL_MS", STALL_MS)
            .env("SLOW_MS", "200")
            // Its standard output is closed after the first line.
            .env("LOG", "off")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("its first line");
        address.clone_into(&mut self.address);
        self.process = Some(process);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn log_path(&self) -> &Path {
        &self.log
    }

    /// Returns true if the key was voided before a charge arrived under it.
    pub(crate) fn is_voided(&self, key: Uuid) -> bool {
        let entries = self.entries();
        entries
            .iter()
            .any(|entry| entry["kind"] == "void" && entry["key"] == key.to_string())
    }

    fn entries(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the entries of its log about one order: kind and amount.
    pub(crate) fn log_of(&self, order_id: Uuid) -> Vec<(String, i64)> {
        let entries = self.entries().into_iter();
        let of_order = entries.filter(|entry| entry["reference"] == order_id.to_string());
        of_order
            .map(|entry| {
                (
                    entry["kind"].as_str().unwrap().to_owned(),
                    entry["amountMinor"].as_i64().unwrap(),
                )
            })
            .collect()
    }
}

impl Drop for ProviderProcess {
    fn drop(&mut self) {
        self.kill();
        drop(std::fs::remove_file(&self.log));
    }
}
