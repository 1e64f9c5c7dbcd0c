//! I13: no order is charged after its end. Such a charge is refunded, so the books agree; the customer saw it all the same.

use super::verdict::Finding;
use crate::collect::evidence::rows::Evidence;
use chrono::{DateTime, TimeDelta, Utc};
use platform_client::ledger::{Capture, Entry};
use std::collections::HashMap;
use uuid::Uuid;

const ENDS: [&str; 3] = ["order.failed", "order.cancelled", "order.compensation_requested"];
/// Time for which a charge may have been on its way when the order ended: a frozen provider reads after up to 30 s what it
/// was sent, and a call lasts up to 4 s.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(35);

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new("I13", "no order is charged after payment-service knows of its end");
    let ended = ended(evidence);
    let captures = evidence.provider.iter().filter_map(|entry| match entry {
        Entry::Capture(capture) => Some(capture),
        Entry::Decline(_) | Entry::Refund(_) | Entry::Void(_) => None,
    });
    for capture in captures {
        let ended = ended.get(&capture.reference).copied();
        finding.expect(!is_needless(capture, ended), || {
            format!(
                "order {} ended at {ended:?}, and was charged later: {capture:?}",
                capture.reference
            )
        });
    }
    finding
}

/// A capture without a time proves nothing, so it counts as needless.
fn is_needless(capture: &Capture, ended: Option<DateTime<Utc>>) -> bool {
    ended.is_some_and(|ended| capture.at.is_none_or(|at| at - ended > ON_ITS_WAY))
}

/// The times at which payment-service received the first end of each order.
fn ended(evidence: &Evidence) -> HashMap<Uuid, DateTime<Utc>> {
    let mut ended = HashMap::new();
    let inbox = evidence.messaging.get("payment-service").map(|rows| &rows.inbox);
    for received in inbox.into_iter().flat_map(HashMap::values) {
        if ENDS.contains(&&*received.event_type) {
            let first = ended.entry(received.subject).or_insert(received.at);
            *first = received.at.min(*first);
        }
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::{ON_ITS_WAY, check, ended};
    use crate::{
        check::sample::{self, violations},
        collect::evidence::rows::Evidence,
    };
    use chrono::TimeDelta;
    use platform_client::ledger::Entry;

    /// Moves the capture of the cancelled order to this long after its end.
    fn captured_after(evidence: &mut Evidence, delay: Option<TimeDelta>) {
        let order = sample::order(evidence, "cancelled");
        let ended = ended(evidence)[&order];
        for entry in &mut evidence.provider {
            if let Entry::Capture(capture) = entry
                && capture.reference == order
            {
                capture.at = delay.map(|delay| ended + delay);
            }
        }
    }

    #[test]
    fn a_charge_long_after_the_end_is_found() {
        let late = ON_ITS_WAY + TimeDelta::seconds(1);
        assert_eq!(violations(check, |evidence| captured_after(evidence, Some(late))), 1);
        assert_eq!(violations(check, |evidence| captured_after(evidence, None)), 1);
    }

    #[test]
    fn a_charge_that_was_on_its_way_and_one_of_an_order_that_goes_on_are_none() {
        assert_eq!(
            violations(check, |evidence| captured_after(evidence, Some(ON_ITS_WAY))),
            0
        );
        let finding = check(&sample::consistent());
        assert_eq!((finding.checked, finding.violations), (2, 0));
    }

    #[test]
    fn the_first_of_several_ends_counts() {
        let later = |evidence: &mut Evidence| {
            captured_after(evidence, Some(ON_ITS_WAY + TimeDelta::seconds(1)));
            let order = sample::order(evidence, "cancelled");
            let rows = sample::rows_of(evidence, "payment-service");
            let mut again = rows
                .inbox
                .values()
                .find(|event| event.subject == order)
                .unwrap()
                .clone();
            again.event_type = "order.compensation_requested".into();
            again.at += TimeDelta::hours(1);
            rows.inbox.insert(uuid::Uuid::from_u128(1), again);
        };
        assert_eq!(violations(check, later), 1);
    }
}
