//! What the checker says in the end.

use serde::Serialize;
use std::{collections::BTreeMap, fmt, process::ExitCode};

const EXAMPLES_MAX: usize = 10;

/// Everything that was found, and the figures of the run.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// One for each invariant, in their order.
    pub findings: Vec<Finding>,
    /// How much there was of what.
    pub figures: BTreeMap<String, i64>,
}

impl Verdict {
    /// Whether every invariant holds.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(Finding::holds)
    }

    /// How a program that judges ends.
    pub fn exit(&self) -> ExitCode {
        if self.holds() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// For a person to read: a line for each invariant, with the examples below it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for (name, figure) in &self.figures {
            writeln!(f, "{name:>24} {figure}")?;
        }
        Ok(())
    }
}

/// One invariant: how often it was put to the test, and how often it did not hold.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Its number, `I0` to `I11`, or the harness's own word.
    pub id: &'static str,
    /// What it says.
    pub title: &'static str,
    /// How many single statements were tested.
    pub checked: u64,
    /// How many of them are not true.
    pub violations: u64,
    /// The first ten of those, each with the ids by which a person can look.
    pub examples: Vec<String>,
}

impl Finding {
    /// Whether there was something to test and all of it is true.
    pub fn holds(&self) -> bool {
        self.checked > 0 && self.violations == 0
    }

    pub(super) fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            checked: 0,
            violations: 0,
            examples: Vec::new(),
        }
    }

    /// Tests one statement; `example` says what is the case where it is not true.
    pub(super) fn expect(&mut self, holds: bool, example: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.violations += 1;
            if self.examples.len() < EXAMPLES_MAX {
                self.examples.push(example());
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = match (self.checked, self.violations) {
            (0, _) => "EMPTY",
            (_, 0) => "holds",
            _ => "BROKEN",
        };
        let Self {
            id,
            title,
            checked,
            violations,
            examples,
        } = self;
        write!(f, "{id:<4} {holds:<6} {title}: {violations} of {checked}")?;
        examples.iter().try_for_each(|example| write!(f, "\n       {example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tested_nothing_does_not_hold() {
        let mut finding = Finding::new("I1", "no event is lost");
        assert!(!finding.holds());
        assert!(finding.to_string().contains("EMPTY"), "{finding}");
        finding.expect(true, String::new);
        assert!(finding.holds());
        finding.expect(false, || "this one".to_owned());
        assert!(!finding.holds());
        assert!(finding.to_string().contains("BROKEN"), "{finding}");
    }
}
