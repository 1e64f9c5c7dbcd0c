//! What the programs hold: memory and open files, after the warm-up and again when everything is over.

use crate::platform::Platform;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is above this is a finding: half as much again as after the warm-up, and room for noise.
const GROWTH_MAX: f64 = 1.5;
const NOISE_KB: u64 = 8 * 1024;
const FILES_NOISE: u64 = 40;

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

/// Processes that hold clearly more than after the warm-up.
pub fn grown(before: &Holdings, after: &Holdings) -> Vec<String> {
    let mut grown = Vec::new();
    for (name, now) in after {
        let Some(then) = before.get(name) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "kilobytes")]
        let ratio = now.pss_kb as f64 / then.pss_kb.max(1) as f64;
        if ratio > GROWTH_MAX && now.pss_kb > then.pss_kb + NOISE_KB {
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
    }
}
