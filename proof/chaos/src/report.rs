//! What a run says in the end: to programs as JSON, to people as text.

use crate::{
    checker::Verdict,
    fault::Applied,
    memory::{self, Holdings},
    platform::{process::Process, signal::Signal},
    reached::Reached,
    run::Options,
    traffic::Summary,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    io,
    time::Duration,
};

/// Everything that is known of a run.
#[derive(Debug)]
pub struct Report {
    /// What kind of run.
    pub options: Options,
    /// What holds and what does not.
    pub verdict: Verdict,
    /// Every fault, in the order of their ends.
    pub faults: Vec<Applied>,
    /// What the run measured beside, in words.
    pub measures: BTreeMap<String, String>,
    /// Which dangerous situations were reached, and how often.
    pub reached: Reached,
    /// From the last fault until nothing moved any more.
    pub until_rest: Duration,
    /// Memory and files after the warm-up.
    pub baseline: Holdings,
    /// Memory and files at rest.
    pub afterwards: Holdings,
    /// How often programs started and how fast they were ready.
    pub served: Served,
    /// What became of the clients' requests.
    pub summary: Summary,
}

/// Starts and stops of the programs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Served {
    /// Starts, the first ones included.
    pub starts: usize,
    /// Starts after which the program was ready in the end; the others were ended before.
    pub ready: usize,
    /// Half of them were ready within this time.
    pub ready_median_ms: u128,
    /// All of them were. A start while the database is away waits for it.
    pub ready_max_ms: u128,
    /// Stops by SIGTERM that ended with code 0.
    pub proper_stops: usize,
}

impl Served {
    /// What became of these processes.
    pub fn by(processes: &[Process]) -> Self {
        let starts: Vec<_> = processes.iter().flat_map(Process::starts).collect();
        let mut ready: Vec<_> = starts
            .iter()
            .filter_map(|start| Some(start.ready_after?.as_millis()))
            .collect();
        ready.sort_unstable();
        let ends = processes.iter().flat_map(Process::ends);
        Self {
            starts: starts.len(),
            ready: ready.len(),
            ready_median_ms: ready.get(ready.len() / 2).copied().unwrap_or_default(),
            ready_max_ms: ready.last().copied().unwrap_or_default(),
            proper_stops: ends
                .filter(|end| end.asked == Some(Signal::Term) && end.code == Some(0))
                .count(),
        }
    }
}

impl Report {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.verdict.holds()
    }

    /// Faults that were really applied, by kind.
    pub fn applied(&self) -> BTreeMap<&'static str, usize> {
        let mut applied = BTreeMap::new();
        for fault in self.faults.iter().filter(|fault| fault.seen.is_ok()) {
            *applied.entry(fault.kind).or_default() += 1;
        }
        applied
    }

    /// Writes `report.json` and `report.txt` into the run's folder.
    pub fn write(&self) -> io::Result<()> {
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
            "reached": self.reached,
            "untilRestS": self.until_rest.as_secs_f64(),
            "programs": self.served,
            "memoryAfterWarmUp": self.baseline,
            "memoryAtRest": self.afterwards,
            "clients": clients(&self.summary),
        })
    }
}

fn clients(summary: &Summary) -> Value {
    let tally = &summary.tally;
    json!({
        "requests": tally.requests,
        "answered2xx": tally.answered_2xx,
        "refused4xx": tally.refused_4xx,
        "throttled429": tally.throttled_429,
        "failed5xx": tally.failed_5xx,
        "unanswered": tally.unanswered,
        "ordersAsked": tally.orders_asked,
        "ordersAccepted": tally.orders_accepted,
        "ordersRefused": tally.orders_refused,
        "skipped": tally.skipped,
        "unfinished": summary.unfinished,
        "broken": summary.broken.0,
    })
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
        list(f, &self.reached)?;
        if !self.measures.is_empty() {
            writeln!(f, "\nMeasured:")?;
            for (what, measure) in &self.measures {
                writeln!(f, "{what:>44}  {measure}")?;
            }
        }
        writeln!(
            f,
            "\nFrom the last fault until nothing moved: {:.1} s",
            self.until_rest.as_secs_f64()
        )?;
        let served = &self.served;
        writeln!(
            f,
            "{} starts, {} of them until ready (median {} ms, slowest {} ms); {} proper stops",
            served.starts, served.ready, served.ready_median_ms, served.ready_max_ms, served.proper_stops
        )?;
        writeln!(f, "Clients: {}", clients(&self.summary))?;
        if let (_, Some(error)) = &self.summary.broken {
            writeln!(f, "The first errand that could not go on: {error}")?;
        }
        writeln!(
            f,
            "Memory at rest, compared with the largest process of the same program after the warm-up:"
        )?;
        writeln!(f, "{}", self.memory())
    }
}

impl Report {
    fn memory(&self) -> String {
        let mut text = String::new();
        for (name, now) in &self.afterwards {
            if let Some(then) = memory::most_of_program(&self.baseline, name) {
                let ratio = memory::ratio(then.pss_kb, now.pss_kb);
                // Writing to a string cannot fail.
                writeln!(text, "{name:>26} {:>7} kB  {ratio:.2}", now.pss_kb).ok();
            }
        }
        text
    }
}

fn list(f: &mut fmt::Formatter<'_>, counts: &BTreeMap<&'static str, impl fmt::Display>) -> fmt::Result {
    counts
        .iter()
        .try_for_each(|(what, count)| writeln!(f, "{count:>8}  {what}"))
}
