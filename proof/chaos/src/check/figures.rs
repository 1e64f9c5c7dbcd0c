//! The figures of a run.

use super::{i07_notified, i09_answers_kept, verdict::Finding};
use crate::collect::evidence::rows::Evidence;
use platform_client::ledger::Entry;
use std::collections::BTreeMap;

pub(super) fn count(evidence: &Evidence, findings: &[Finding]) -> BTreeMap<String, i64> {
    let placements = i09_answers_kept::placements(evidence);
    let dead_letters = evidence.messaging.values().map(|rows| rows.dead_letters.len()).sum();
    let [(captures, captured_minor), (refunds, refunded_minor)] = money(&evidence.provider);
    let mut figures: BTreeMap<String, i64> = [
        ("orders", figure_of(evidence.orders.len())),
        ("accepted", placements.accepted),
        ("refused", placements.refused),
        ("unknown_placed", placements.unknown_placed),
        ("unknown_not_placed", placements.unknown_not_placed),
        ("events", figure_of(evidence.published().count())),
        ("lost", violations(findings, "I1")),
        ("ghosts", violations(findings, "I2")),
        ("double_effects", violations(findings, "I3")),
        ("needless_charges", violations(findings, "I13")),
        ("mails_sent", figure_of(evidence.mails.len())),
        ("mail_repeats", figure_of(i07_notified::repeats(evidence))),
        ("dead_letters", figure_of(dead_letters)),
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

/// Number and sum of the captures, then of the refunds.
fn money(log: &[Entry]) -> [(i64, i64); 2] {
    let mut money = [(0, 0); 2];
    for entry in log {
        let (kind, amount_minor) = match entry {
            Entry::Capture(capture) => (0, capture.amount_minor),
            Entry::Refund(refund) => (1, refund.amount_minor),
            Entry::Decline(_) | Entry::Void(_) => continue,
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

fn figure_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::count;
    use crate::check::sample;

    #[test]
    fn figures_count_orders_by_their_end_and_money_by_its_direction() {
        let figures = count(&sample::consistent(), &[]);
        let figure = |name: &str| figures.get(name).copied().unwrap_or_default();
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
}
