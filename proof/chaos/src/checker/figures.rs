//! How much there was of what.

use super::{
    Finding,
    evidence::{Entry, Evidence},
    i07_notified, i09_answers_kept,
};
use std::collections::BTreeMap;

pub(super) fn of(evidence: &Evidence, findings: &[Finding]) -> BTreeMap<String, i64> {
    let placings = i09_answers_kept::placings(evidence);
    let dead_letters = evidence.messaging.values().map(|rows| rows.dead_letters.len()).sum();
    let [(captures, captured_minor), (refunds, refunded_minor)] = money(&evidence.provider);
    let mut figures: BTreeMap<String, i64> = [
        ("orders", count(evidence.orders.len())),
        ("accepted", placings.accepted),
        ("refused", placings.refused),
        ("unknown_placed", placings.unknown_placed),
        ("unknown_not_placed", placings.unknown_not_placed),
        ("events", count(evidence.published().count())),
        ("lost", violations(findings, "I1")),
        ("ghosts", violations(findings, "I2")),
        ("double_effects", violations(findings, "I3")),
        ("mails_sent", count(evidence.mails.len())),
        ("mail_repeats", count(i07_notified::repeats(evidence))),
        ("dead_letters", count(dead_letters)),
        ("captures", captures),
        ("refunds", refunds),
        ("captured_minor", captured_minor),
        ("refunded_minor", refunded_minor),
    ]
    .into_iter()
    .map(|(name, figure)| (name.to_owned(), figure))
    .collect();
    for order in evidence.orders.values() {
        *figures.entry(format!("ended_{}", order.status)).or_default() += 1;
    }
    figures
}

/// How many and how much: captures, then refunds.
fn money(log: &[Entry]) -> [(i64, i64); 2] {
    let mut money = [(0, 0); 2];
    for entry in log {
        let (kind, amount_minor) = match entry {
            Entry::Capture { amount_minor, .. } => (0, amount_minor),
            Entry::Refund { amount_minor, .. } => (1, amount_minor),
            Entry::Decline { .. } => continue,
        };
        money[kind].0 += 1;
        money[kind].1 += amount_minor;
    }
    money
}

fn violations(findings: &[Finding], id: &str) -> i64 {
    let finding = findings.iter().find(|finding| finding.id == id);
    finding.map_or(0, |finding| i64::try_from(finding.violations).unwrap_or(i64::MAX))
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::checker::{judge, sample};

    #[test]
    fn a_consistent_platform_holds_and_says_how_much_there_was() {
        let verdict = judge(&sample::consistent());
        assert!(verdict.holds(), "{verdict}");
        assert!(verdict.findings.iter().all(|finding| finding.checked > 0), "{verdict}");
        let figure = |name: &str| verdict.figures.get(name).copied().unwrap_or_default();
        assert_eq!((figure("orders"), figure("captures"), figure("refunds")), (3, 2, 1));
        assert_eq!(
            (
                figure("ended_delivered"),
                figure("ended_failed"),
                figure("ended_cancelled")
            ),
            (1, 1, 1)
        );
    }

    #[test]
    fn one_violation_breaks_the_verdict() {
        let mut evidence = sample::consistent();
        evidence.mails.clear();
        assert!(!judge(&evidence).holds());
    }
}
