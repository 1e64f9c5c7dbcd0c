//! What the programs hold: memory and open files, after the warm-up and again when everything is over.

use crate::platform::Platform;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// What is above this is a finding: half as much again as after the warm-up, and what a burst leaves behind. An outage
/// makes hundreds of requests wait at a gateway, which holds 5 MiB before and 11 MiB after it, and no more after the next:
/// the allocator does not give all pages back.
const GROWTH_MAX: f64 = 1.5;
const BURST_KB: u64 = 16 * 1024;
const FILES_NOISE: u64 = 40;
/// Longer than reqwest keeps an idle connection (90 s).
const SETTLE_LIMIT: Duration = Duration::from_mins(2);
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Both are there to know everything that they were ever given: what they hold grows with that.
const COLLECTORS: [&str; 2] = ["mail-catcher", "sandbox-provider"];

/// What one process holds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Held {
    /// Proportional set size in kB: shared pages are divided among those that share them.
    pub pss_kb: u64,
    /// Open file descriptors.
    pub files: u64,
}

/// What each process holds, by its name.
pub type Holdings = BTreeMap<String, Held>;

/// What the programs hold once it is no more than they held `before`, or when time is up: connections that a burst has
/// opened stay open, idle, for a while.
pub async fn settled(platform: &Platform, before: &Holdings) -> Holdings {
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        let now = read(platform);
        if grown(before, &now).is_empty() || Instant::now() > deadline {
            return now;
        }
        sleep(LOOK_INTERVAL).await;
    }
}

/// What the programs hold now.
pub fn read(platform: &Platform) -> Holdings {
    let held = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let pss = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        let pss_kb = pss.trim().trim_end_matches(" kB").parse().ok()?;
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Some(Held { pss_kb, files })
    };
    let processes = platform.processes.iter();
    processes
        .filter_map(|process| Some((process.name.clone(), held(process.pid()?)?)))
        .collect()
}

/// Processes that hold clearly more than any process of their program did after the warm-up. Instances share the work
/// unevenly, and another one may have the larger part of it now.
pub fn grown(before: &Holdings, after: &Holdings) -> Vec<String> {
    let unseen = before.keys().filter(|name| !after.contains_key(*name));
    let mut grown: Vec<String> = unseen.map(|name| format!("{name} cannot be looked at")).collect();
    for (name, now) in after {
        let Some(then) = most_of_program(before, name) else {
            continue;
        };
        let ratio = ratio(then.pss_kb, now.pss_kb);
        if !COLLECTORS.contains(&name.as_str()) && ratio > GROWTH_MAX && now.pss_kb > then.pss_kb + BURST_KB {
            grown.push(format!(
                "{name} holds {} kB, {ratio:.2} times as much as after the warm-up",
                now.pss_kb
            ));
        }
        if now.files > then.files + FILES_NOISE {
            grown.push(format!(
                "{name} has {} files open, and had {} after the warm-up",
                now.files, then.files
            ));
        }
    }
    grown
}

/// The most that one process of the same program held.
pub fn most_of_program(holdings: &Holdings, name: &str) -> Option<Held> {
    let program = |name: &str| {
        name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-')
            .to_owned()
    };
    let same = holdings.iter().filter(|(other, _)| program(other) == program(name));
    same.map(|(_, held)| *held).reduce(|one, other| Held {
        pss_kb: one.pss_kb.max(other.pss_kb),
        files: one.files.max(other.files),
    })
}

/// How many times as much.
#[expect(clippy::cast_precision_loss, reason = "kilobytes")]
pub fn ratio(then_kb: u64, now_kb: u64) -> f64 {
    now_kb as f64 / then_kb.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(pss_kb: u64, files: u64) -> Holdings {
        BTreeMap::from([("order-service-1".to_owned(), Held { pss_kb, files })])
    }

    #[test]
    fn growth_beyond_noise_is_told() {
        let before = holdings(25_000, 40);
        assert!(grown(&before, &holdings(30_000, 45)).is_empty());
        assert_eq!(grown(&before, &holdings(50_000, 40)).len(), 1);
        assert_eq!(grown(&before, &holdings(25_000, 100)).len(), 1);
        assert_eq!(grown(&before, &Holdings::new()).len(), 1);
    }

    #[test]
    fn mails_may_be_kept_but_files_must_be_closed() {
        let of = |pss_kb, files| BTreeMap::from([("mail-catcher".to_owned(), Held { pss_kb, files })]);
        assert!(grown(&of(7_000, 10), &of(40_000, 10)).is_empty());
        assert_eq!(grown(&of(7_000, 10), &of(7_000, 60)).len(), 1);
    }

    #[test]
    fn instances_may_change_roles() {
        let held = |pss_kb| Held { pss_kb, files: 40 };
        let of = |one, two| {
            BTreeMap::from([
                ("a-service-1".to_owned(), held(one)),
                ("a-service-2".to_owned(), held(two)),
            ])
        };
        assert!(grown(&of(26_000, 15_000), &of(15_000, 27_000)).is_empty());
    }
}
