//! The verdict of the checker, and its findings.

use serde::Serialize;
use std::{collections::BTreeMap, fmt};

const EXAMPLES_MAX: usize = 10;

/// The findings and figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    /// One for each invariant, in their order, and one for each check beside them.
    pub(crate) findings: Vec<Finding>,
    pub(crate) figures: BTreeMap<String, i64>,
}

impl Verdict {
    /// Holds if every finding does.
    pub(crate) fn holds(&self) -> bool {
        self.findings.iter().all(Finding::holds)
    }
}

/// A line for each finding, with its examples below.
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

/// One invariant or check: the number of its tested statements, and of those that do not hold.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// Number of the invariant, `I0` to `I15`, or name of the check.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) checked: u64,
    pub(crate) violations: u64,
    /// False if the finding is only shown.
    pub(crate) is_judged: bool,
    /// The first ten violations with the ids to look for, and what else is worth seeing.
    pub(crate) examples: Vec<String>,
}

impl Finding {
    /// Holds if at least one statement was tested and all of them hold.
    pub(crate) fn holds(&self) -> bool {
        self.checked > 0 && (self.violations == 0 || !self.is_judged)
    }

    pub(super) fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            checked: 0,
            violations: 0,
            is_judged: true,
            examples: Vec::new(),
        }
    }

    /// Adds what is worth seeing whether or not all statements hold.
    pub(super) fn note(&mut self, text: String) {
        self.examples.push(text);
    }

    /// Tests one statement; `example` describes a violation.
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
            _ if !self.is_judged => "shown",
            _ => "BROKEN",
        };
        let (id, title, examples) = (self.id, self.title, &self.examples);
        write!(f, "{id:<4} {holds:<6} {title}: {} of {}", self.violations, self.checked)?;
        examples.iter().try_for_each(|example| write!(f, "\n       {example}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_without_a_tested_statement_does_not_hold() {
        let mut finding = Finding::new("I1", "no event is lost");
        assert!(!finding.holds());
        assert!(finding.to_string().contains("EMPTY"), "{finding}");
        finding.expect(true, String::new);
        assert!(finding.holds());
        finding.expect(false, || "this one".to_owned());
        assert!(!finding.holds());
        assert!(finding.to_string().contains("BROKEN"), "{finding}");
        finding.is_judged = false;
        assert!(finding.holds() && finding.to_string().contains("shown"), "{finding}");
    }
}
