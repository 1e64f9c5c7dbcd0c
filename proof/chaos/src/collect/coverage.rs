//! The coverage of a run: the dangerous situations that it really reached, and how often.
//!
//! Programs log each situation with a stable `code`, and their logs outlive the processes. Recognised duplicates are
//! counted by the consumers and read from their status pages: the count between the last look and a crash is missed.

use crate::inject::Cluster;
use futures_util::future::join_all;
use platform_client::http;
use serde::Deserialize;
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const LOOK_INTERVAL: Duration = Duration::from_secs(2);
const LOOK_LIMIT: Duration = Duration::from_secs(2);
const DUPLICATES: &str = "duplicates recognised";
/// An undesired situation.
pub(crate) const PANICS: &str = "process.panicked";
/// The beginning of the message that a panic prints in a program without the services' panic hook.
const PANIC_MESSAGE: &str = "panicked at";

/// Codes of log lines, and whether a full storm must reach the situation.
const CODES: [(&str, bool); 10] = [
    ("relay.restarted", true),
    ("leader.elected", false),
    ("consumer.interrupted", true),
    ("consumer.paused", true),
    ("ack.lost", false),
    ("event.retried", false),
    ("event.dead_lettered", true),
    ("job.retried", true),
    ("breaker.opened", true),
    (PANICS, false),
];

/// Number of times that each situation was reached.
pub(crate) type Coverage = BTreeMap<&'static str, u64>;

/// Counts the consumers' duplicates during the run.
#[derive(Debug)]
pub(crate) struct CoverageRecorder {
    http: reqwest::Client,
    /// Newest count of each process that ever was, by the id that it gives itself.
    duplicates: Mutex<HashMap<String, u64>>,
}

impl CoverageRecorder {
    pub(crate) fn new() -> reqwest::Result<Self> {
        Ok(Self {
            http: http::client(LOOK_LIMIT, LOOK_LIMIT)?,
            duplicates: Mutex::default(),
        })
    }

    /// Reads every status page again and again, until `stop`.
    pub(crate) async fn watch(&self, cluster: &Cluster, stop: CancellationToken) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let services = cluster.processes.iter().filter(|process| process.program.is_service());
            let addresses = services.filter_map(|service| service.address.as_deref());
            join_all(addresses.map(|address| self.read_status(address))).await;
        }
    }

    async fn read_status(&self, address: &str) -> Option<()> {
        let answer = self.http.get(format!("{address}/internal/status")).send().await.ok()?;
        let status: Value = answer.json().await.ok()?;
        let instance = status["instance"].as_str()?.to_owned();
        let count = status["consumer"]["duplicates"].as_u64()?;
        let mut duplicates = self.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        duplicates.insert(instance, count);
        Some(())
    }

    /// The coverage by the status pages so far and by the logs under `run_dir`.
    pub(crate) fn coverage(&self, cluster: &Cluster, run_dir: &Path) -> io::Result<Coverage> {
        let mut coverage: Coverage = CODES.iter().map(|(code, _)| (*code, 0)).collect();
        let duplicates = self.duplicates.lock().unwrap_or_else(PoisonError::into_inner);
        coverage.insert(DUPLICATES, duplicates.values().sum());
        for process in &cluster.processes {
            let log = File::open(run_dir.join("log").join(&process.name).join("current"))?;
            for line in BufReader::new(log).split(b'\n') {
                if let Some(code) = code_of(&String::from_utf8_lossy(&line?)) {
                    *coverage.entry(code).or_default() += 1;
                }
            }
        }
        Ok(coverage)
    }
}

#[derive(Deserialize)]
struct LogLine<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

/// The known code of a log line. A panic message outside a JSON line counts as a panic.
fn code_of(line: &str) -> Option<&'static str> {
    if !line.starts_with('{') {
        return line.contains(PANIC_MESSAGE).then_some(PANICS);
    }
    let parsed: LogLine<'_> = serde_json::from_str(line).ok()?;
    let code = parsed.code?;
    CODES.into_iter().map(|(known, _)| known).find(|known| *known == code)
}

/// Describes the situations that a full storm must have reached, and this one has not.
pub(crate) fn missing(coverage: &Coverage) -> Vec<String> {
    let required = CODES
        .iter()
        .filter(|(_, is_required)| *is_required)
        .map(|(code, _)| *code);
    let never = required
        .chain([DUPLICATES])
        .filter(|situation| coverage.get(situation).is_none_or(|count| *count == 0));
    never.map(|situation| format!("never reached: {situation}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_situation_that_was_never_reached_is_named() {
        let mut coverage: Coverage = CODES.iter().map(|(code, _)| (*code, 1)).collect();
        assert_eq!(missing(&coverage), ["never reached: duplicates recognised"]);
        coverage.insert(DUPLICATES, 3);
        assert!(missing(&coverage).is_empty());
        coverage.insert("consumer.paused", 0);
        assert_eq!(missing(&coverage), ["never reached: consumer.paused"]);
    }

    #[test]
    fn the_code_of_a_log_line_counts_and_its_message_does_not() {
        let paused = r#"{"level":"WARN","message":"Consumer paused","code":"consumer.paused","queue":"order-queue"}"#;
        assert_eq!(code_of(paused), Some("consumer.paused"));
        assert_eq!(code_of(r#"{"message":"code consumer.paused, panicked at"}"#), None);
        assert_eq!(code_of(r#"{"code":"unknown"}"#), None);
        assert_eq!(code_of("thread 'main' panicked at src/main.rs:1:1:"), Some(PANICS));
        assert_eq!(code_of(r#"{"code":"process.panicked"}"#), Some(PANICS));
    }
}
