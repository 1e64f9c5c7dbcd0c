//! The resources that the programs hold: memory and open files, after the warm-up and again when all is over.

use crate::inject::Cluster;
use platform_client::{poll::poll, process};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// More growth than both of these is a finding: half as much again as after the warm-up, and the remains of a burst. An
/// outage makes hundreds of requests wait at a gateway, which holds 5 MiB before and 11 MiB after it, and no more after
/// the next: the allocator does not give all pages back.
const GROWTH_MAX: f64 = 1.5;
const BURST_KB: u64 = 16 * 1024;
const FILES_NOISE: u64 = 40;
/// Longer than reqwest keeps an idle connection (90 s).
const SETTLE_LIMIT: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Both keep everything that they were ever sent, and grow with it.
const COLLECTORS: [&str; 2] = ["mail-catcher", "sandbox-provider"];

/// The resources of one process.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Held {
    /// Proportional set size: shared pages are divided among their processes.
    pub(crate) pss_kb: u64,
    /// Open file descriptors.
    files: u64,
}

/// The resources of each process, by its name.
pub(crate) type ResourceUsage = BTreeMap<String, Held>;

/// Measures until the usage has not grown since `before`, or the limit has passed: connections that a burst has opened
/// stay open, idle, for a while.
pub(crate) async fn measure_settled(cluster: &Cluster, before: &ResourceUsage) -> ResourceUsage {
    let is_settled = async || {
        let now = measure(cluster);
        grown(before, &now).is_empty().then_some(now)
    };
    let settled = poll(SETTLE_LIMIT, POLL_INTERVAL, is_settled).await;
    settled.unwrap_or_else(|| measure(cluster))
}

pub(crate) fn measure(cluster: &Cluster) -> ResourceUsage {
    let held = |pid: u32| {
        let pss_kb = process::memory_kb(pid)?;
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Some(Held { pss_kb, files })
    };
    let processes = cluster.processes.iter();
    processes
        .filter_map(|process| Some((process.name.clone(), held(process.pid()?)?)))
        .collect()
}

/// Describes the processes that hold clearly more than any process of their program did after the warm-up. Instances
/// share the work unevenly, and another one may have the larger part of it now.
pub(crate) fn grown(before: &ResourceUsage, after: &ResourceUsage) -> Vec<String> {
    let unseen = before.keys().filter(|name| !after.contains_key(*name));
    let mut grown: Vec<String> = unseen.map(|name| format!("{name} cannot be measured")).collect();
    for (name, now) in after {
        let Some(then) = largest_of_program(before, name) else {
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
pub(crate) fn largest_of_program(usage: &ResourceUsage, name: &str) -> Option<Held> {
    let program = |name: &str| {
        name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-')
            .to_owned()
    };
    let same = usage.iter().filter(|(other, _)| program(other) == program(name));
    same.map(|(_, held)| *held).reduce(|one, other| Held {
        pss_kb: one.pss_kb.max(other.pss_kb),
        files: one.files.max(other.files),
    })
}

/// Present usage as a multiple of the former.
#[expect(clippy::cast_precision_loss, reason = "kilobytes")]
pub(crate) fn ratio(then_kb: u64, now_kb: u64) -> f64 {
    now_kb as f64 / then_kb.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(pss_kb: u64, files: u64) -> ResourceUsage {
        BTreeMap::from([("order-service-1".to_owned(), Held { pss_kb, files })])
    }

    #[test]
    fn growth_beyond_noise_is_found() {
        let before = usage(25_000, 40);
        assert!(grown(&before, &usage(30_000, 45)).is_empty());
        assert_eq!(grown(&before, &usage(50_000, 40)).len(), 1);
        assert_eq!(grown(&before, &usage(25_000, 100)).len(), 1);
        assert_eq!(grown(&before, &ResourceUsage::new()).len(), 1);
    }

    #[test]
    fn a_collector_may_keep_data_but_must_close_files() {
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
