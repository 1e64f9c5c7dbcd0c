//! Which dangerous situations a run has really reached. A run without faults that bite proves nothing.
//!
//! Most are told by the programs' logs, which outlive the processes. Duplicates are counted by the consumers, and read
//! from their status pages while they live: what a process counts between the last look and its death is missed.

use crate::platform::Platform;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::Mutex,
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const LOOK_INTERVAL: Duration = Duration::from_secs(2);
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// A situation, and the words by which a program's log tells of it.
const SIGNS: [(&str, &str); 10] = [
    ("confirms of unknown fate", "the relay starts anew"),
    ("relay leadership taken", "\"elected leader\""),
    (
        "consumers interrupted",
        "the consumer was interrupted and subscribes again",
    ),
    ("consumers paused", "a dependency is away: the consumer pauses"),
    ("acknowledgements lost", "an acknowledgement did not reach the broker"),
    ("events retried", "an event will be tried again"),
    ("dead letters", "an event became a dead letter"),
    ("outside calls asked again", "will be asked for again"),
    ("breakers opened", "\"circuit opened\""),
    (PANICS, "panicked at"),
];
/// Not wanted, but to be told.
pub(crate) const PANICS: &str = "panics";

/// How often each situation was reached.
pub type Reached = BTreeMap<&'static str, u64>;

/// Counts the consumers' duplicates while the run goes on.
#[derive(Debug)]
pub struct Lookout {
    http: reqwest::Client,
    /// The newest count of each process that ever was, by the id that it gives itself.
    duplicates: Mutex<HashMap<String, u64>>,
}

impl Lookout {
    /// Nothing seen yet.
    pub fn new() -> reqwest::Result<Self> {
        Ok(Self {
            http: crate::http::client(LOOK_LIMIT)?,
            duplicates: Mutex::default(),
        })
    }

    /// Looks at every status page again and again, until `stop`.
    pub async fn watch(&self, platform: &Platform, stop: CancellationToken) {
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let services = platform.processes.iter().filter(|process| process.program.is_service());
            let looks = services
                .filter_map(|service| service.address.as_deref())
                .map(|address| self.look(address));
            futures_util::future::join_all(looks).await;
        }
    }

    async fn look(&self, address: &str) {
        let Ok(answer) = self.http.get(format!("{address}/internal/status")).send().await else {
            return;
        };
        let Ok(status) = answer.json::<Value>().await else {
            return;
        };
        if let (Some(instance), Some(count)) = (status["instance"].as_str(), status["consumer"]["duplicates"].as_u64())
        {
            let mut duplicates = self
                .duplicates
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            duplicates.insert(instance.to_owned(), count);
        }
    }

    /// What was reached, by what was seen and by what the logs under `run_dir` say.
    pub fn reached(&self, platform: &Platform, run_dir: &Path) -> std::io::Result<Reached> {
        let mut reached: Reached = SIGNS.iter().map(|(situation, _)| (*situation, 0)).collect();
        let duplicates = self
            .duplicates
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        reached.insert("duplicates recognised", duplicates.values().sum());
        for process in &platform.processes {
            let log = File::open(run_dir.join("log").join(&process.name).join("current"))?;
            for line in BufReader::new(log).split(b'\n') {
                let line = line?;
                let line = String::from_utf8_lossy(&line);
                for (situation, words) in SIGNS {
                    if line.contains(words) {
                        *reached.entry(situation).or_default() += 1;
                    }
                }
            }
        }
        Ok(reached)
    }
}

/// Situations that a whole run must have reached, and has not.
pub fn missing(reached: &Reached) -> Vec<String> {
    let wanted = [
        "confirms of unknown fate",
        "consumers interrupted",
        "consumers paused",
        "duplicates recognised",
        "dead letters",
        "outside calls asked again",
        "breakers opened",
    ];
    let never = wanted
        .iter()
        .filter(|situation| reached.get(**situation).is_none_or(|count| *count == 0));
    never.map(|situation| format!("never reached: {situation}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_reached_is_named() {
        let mut reached: Reached = SIGNS.iter().map(|(situation, _)| (*situation, 1)).collect();
        assert_eq!(missing(&reached), ["never reached: duplicates recognised"]);
        reached.insert("duplicates recognised", 3);
        assert!(missing(&reached).is_empty());
    }
}
