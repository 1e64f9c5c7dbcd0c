//! The report of a run: JSON for programs, text for people.

use crate::{
    check::Verdict,
    collect::{
        coverage::Coverage,
        resources::{self, ResourceUsage},
    },
    drive::Summary,
    inject::{AppliedFault, process::Process},
    options::Options,
};
use platform_client::process::Signal;
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt, io, time::Duration};

/// Everything that is known of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) options: Options,
    pub(crate) verdict: Verdict,
    /// Every fault, in the order of their ends.
    pub(crate) faults: Vec<AppliedFault>,
    /// Measured figures, as text.
    pub(crate) measures: BTreeMap<String, String>,
    pub(crate) coverage: Coverage,
    /// Time from the last fault until the platform was quiescent.
    pub(crate) until_quiescent: Duration,
    /// Memory and files after the warm-up.
    pub(crate) baseline: ResourceUsage,
    /// Memory and files of the quiescent platform.
    pub(crate) afterwards: ResourceUsage,
    pub(crate) process_figures: ProcessFigures,
    pub(crate) summary: Summary,
}

/// Starts and stops of the programs.
#[derive(Debug, Serialize)]
pub(crate) struct ProcessFigures {
    /// Starts, the first ones included.
    starts: usize,
    /// Starts after which the program became ready; the others were ended before.
    ready: usize,
    ready_median_ms: u128,
    /// A start while the database is down waits for it.
    ready_max_ms: u128,
    /// Stops by SIGTERM with exit code 0.
    proper_stops: usize,
}

impl ProcessFigures {
    pub(crate) fn of(processes: &[Process]) -> Self {
        let starts: Vec<_> = processes.iter().flat_map(Process::starts).collect();
        let mut ready: Vec<_> = starts
            .iter()
            .filter_map(|start| Some(start.ready_after?.as_millis()))
            .collect();
        ready.sort_unstable();
        let exits = processes.iter().flat_map(Process::exits);
        Self {
            starts: starts.len(),
            ready: ready.len(),
            ready_median_ms: ready.get(ready.len() / 2).copied().unwrap_or_default(),
            ready_max_ms: ready.last().copied().unwrap_or_default(),
            proper_stops: exits
                .filter(|exit| exit.requested == Some(Signal::Term) && exit.code == Some(0))
                .count(),
        }
    }
}

impl Report {
    /// Holds if every finding does.
    pub(crate) fn holds(&self) -> bool {
        self.verdict.holds()
    }

    /// Number of faults that were really applied, by kind.
    fn applied(&self) -> BTreeMap<&'static str, usize> {
        let mut applied = BTreeMap::new();
        for fault in self.faults.iter().filter(|fault| fault.effect.is_ok()) {
            *applied.entry(fault.fault.kind()).or_default() += 1;
        }
        applied
    }

    /// Writes `report.json` and `report.txt` into the run's folder.
    pub(crate) fn write(&self) -> io::Result<()> {
        let folder = &self.options.folder;
        std::fs::write(folder.join("report.json"), serde_json::to_vec_pretty(&self.as_json())?)?;
        std::fs::write(folder.join("report.txt"), self.to_string())
    }

    fn as_json(&self) -> Value {
        json!({
            "run": self.options.name,
            "command": self.options.command,
            "seed": self.options.seed,
            "ordersPerS": self.options.orders_per_s,
            "holds": self.holds(),
            "findings": self.verdict.findings,
            "figures": self.verdict.figures,
            "measures": self.measures,
            "faultsApplied": self.applied(),
            "faults": self.faults,
            "coverage": self.coverage,
            "untilQuiescentS": self.until_quiescent.as_secs_f64(),
            "programs": self.process_figures,
            "memoryAfterWarmUp": self.baseline,
            "memoryWhenQuiescent": self.afterwards,
            "clients": clients(&self.summary),
        })
    }
}

fn clients(summary: &Summary) -> Value {
    let mut clients = json!(summary.tally);
    clients["unfinished"] = summary.unfinished.into();
    clients["failed"] = summary.failed.0.into();
    clients
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options {
            name, seed, command, ..
        } = &self.options;
        let outcome = if self.holds() {
            "everything holds"
        } else {
            "SOMETHING IS BROKEN"
        };
        writeln!(f, "== {name}, seed {seed}: {outcome}\n   again with: {command}\n")?;
        writeln!(f, "{}", self.verdict)?;
        let applied = self.applied();
        let sum: usize = applied.values().sum();
        writeln!(f, "{sum} of {} faults were really applied:", self.faults.len())?;
        list(f, &applied)?;
        writeln!(f, "\nDangerous situations reached:")?;
        list(f, &self.coverage)?;
        if !self.measures.is_empty() {
            writeln!(f, "\nMeasured:")?;
            for (name, measure) in &self.measures {
                writeln!(f, "{name:>44}  {measure}")?;
            }
        }
        writeln!(
            f,
            "\nFrom the last fault until the platform was quiescent: {:.1} s",
            self.until_quiescent.as_secs_f64()
        )?;
        let processes = &self.process_figures;
        writeln!(
            f,
            "{} starts, {} of them until ready (median {} ms, slowest {} ms); {} proper stops",
            processes.starts,
            processes.ready,
            processes.ready_median_ms,
            processes.ready_max_ms,
            processes.proper_stops
        )?;
        writeln!(f, "Clients: {}", clients(&self.summary))?;
        if let (_, Some(error)) = &self.summary.failed {
            writeln!(f, "The first failed action: {error}")?;
        }
        self.write_memory(f)
    }
}

impl Report {
    fn write_memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Memory of the quiescent platform, compared with the largest process of the same program after the warm-up:"
        )?;
        for (name, now) in &self.afterwards {
            if let Some(then) = resources::largest_of_program(&self.baseline, name) {
                let ratio = resources::ratio(then.pss_kb, now.pss_kb);
                writeln!(f, "{name:>26} {:>7} kB  {ratio:.2}", now.pss_kb)?;
            }
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, counts: &BTreeMap<&'static str, impl fmt::Display>) -> fmt::Result {
    counts
        .iter()
        .try_for_each(|(name, count)| writeln!(f, "{count:>8}  {name}"))
}
