//! An estimate of the messages that full queues have dropped.
//!
//! RabbitMQ 3.10 does not report it per queue. It follows from what it does report: what was published and is neither
//! acknowledged nor in the queue any more was dropped. The figures are some seconds old and not of one moment, so the estimate
//! is off by about the traffic of those seconds.

use crate::state::QueueStats;
use std::collections::BTreeMap;

/// Share of the bound, in percent, from which on a queue counts as full.
const FULL_PERCENT: u64 = 95;

#[derive(Default)]
pub(super) struct Drops(BTreeMap<String, Count>);

struct Count {
    /// Messages that had left the queue otherwise when it was last not full.
    baseline: i64,
    /// Number of messages that were dropped before then.
    before: u64,
    current: u64,
    published: u64,
}

impl Drops {
    /// Records a sample of a queue with a bound; returns the number of messages that it has dropped since the first sample.
    pub(super) fn observe(&mut self, queue: &str, stats: &QueueStats, bytes_max: u64) -> u64 {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let gone = signed(stats.published) - signed(stats.acknowledged) - signed(stats.messages);
        let count = self.0.entry(queue.to_owned()).or_insert(Count {
            baseline: gone,
            before: 0,
            current: 0,
            published: stats.published,
        });
        // The broker's counters start again with the broker.
        let has_restarted = stats.published < count.published;
        count.published = stats.published;
        if has_restarted || stats.message_bytes.saturating_mul(100) < bytes_max.saturating_mul(FULL_PERCENT) {
            count.before += std::mem::take(&mut count.current);
            count.baseline = gone;
        } else {
            count.current = u64::try_from(gone - count.baseline).unwrap_or_default();
        }
        count.before + count.current
    }
}

#[cfg(test)]
mod tests {
    use super::Drops;
    use crate::state::QueueStats;

    fn stats(published: u64, acknowledged: u64, messages: u64) -> QueueStats {
        QueueStats {
            messages,
            message_bytes: 1_000 * messages,
            published,
            acknowledged,
            ..QueueStats::default()
        }
    }

    #[test]
    fn what_is_neither_acknowledged_nor_in_the_full_queue_was_dropped() {
        let mut drops = Drops::default();
        let mut observe =
            |published, acknowledged, messages| drops.observe("q", &stats(published, acknowledged, messages), 100_000);
        assert_eq!(observe(10, 5, 5), 0);
        assert_eq!(observe(100, 5, 90), 0, "five are on their way into the figures");
        assert_eq!(observe(150, 5, 100), 40);
        assert_eq!(observe(250, 5, 100), 140);
        assert_eq!(observe(250, 85, 20), 140, "consumed again");
        assert_eq!(observe(360, 85, 100), 170, "full again");
        assert_eq!(observe(0, 0, 100), 170, "the broker was restarted");
        assert_eq!(observe(20, 0, 100), 190);
    }
}
