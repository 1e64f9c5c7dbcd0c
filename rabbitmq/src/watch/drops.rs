//! An estimate of the messages that full queues have dropped.
//!
//! RabbitMQ 3.10 does not report it per queue. It follows from what it does report: what was published and is neither
//! acknowledged nor in the queue any more was dropped. The figures are some seconds old and not of one moment, so the estimate
//! is off by about the traffic of those seconds. It errs upwards: a drop that is missed is worse than one that is counted for
//! a queue that was about to drop.

use crate::state::QueueStats;
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Share of the bound, in percent, from which on a queue counts as full.
const FULL_PERCENT: u64 = 95;

/// Time over which the baseline is the smallest sample: a burst can show in the count of published messages one report
/// before it shows in the queue's size. Three of the broker's statistics intervals of 5 s.
const BASELINE_WINDOW: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Drops(BTreeMap<String, Count>);

#[derive(Default)]
struct Count {
    /// Messages that had left the queue otherwise, sampled while it was not full.
    left_otherwise: VecDeque<(Instant, i64)>,
    /// Number of messages that were dropped before then.
    before: u64,
    current: u64,
    published: u64,
}

impl Drops {
    /// Records a sample of a queue with a bound; returns the number of messages that it has dropped since the first sample.
    pub(super) fn observe(&mut self, queue: &str, stats: &QueueStats, bytes_max: u64, now: Instant) -> u64 {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let gone = signed(stats.published) - signed(stats.acknowledged) - signed(stats.messages);
        let count = self.0.entry(queue.to_owned()).or_default();
        // The broker's counters start again with the broker.
        let has_restarted = stats.published < count.published;
        let is_full = stats.message_bytes.saturating_mul(100) >= bytes_max.saturating_mul(FULL_PERCENT);
        count.published = stats.published;
        if has_restarted || (!is_full && count.current > 0) {
            count.before += std::mem::take(&mut count.current);
            count.left_otherwise.clear();
        }
        if !is_full || count.left_otherwise.is_empty() {
            count.sample(gone, now);
        } else {
            count.current = u64::try_from(gone - count.baseline()).unwrap_or_default();
        }
        count.before + count.current
    }
}

impl Count {
    fn sample(&mut self, gone: i64, now: Instant) {
        self.left_otherwise
            .retain(|(sampled_at, _)| now.duration_since(*sampled_at) <= BASELINE_WINDOW);
        self.left_otherwise.push_back((now, gone));
    }

    fn baseline(&self) -> i64 {
        let samples = self.left_otherwise.iter().map(|(_, gone)| *gone);
        samples.min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{BASELINE_WINDOW, Drops};
    use crate::state::QueueStats;
    use std::time::Instant;

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
        let mut now = Instant::now();
        let mut observe = |published, acknowledged, messages| {
            now += BASELINE_WINDOW / 2;
            drops.observe("q", &stats(published, acknowledged, messages), 100_000, now)
        };
        assert_eq!(observe(5, 5, 0), 0);
        assert_eq!(observe(95, 5, 90), 0);
        assert_eq!(observe(145, 5, 100), 40);
        assert_eq!(observe(245, 5, 100), 140);
        assert_eq!(observe(245, 85, 20), 140, "consumed again");
        assert_eq!(observe(355, 85, 100), 170, "full again");
        assert_eq!(observe(0, 0, 100), 170, "the broker was restarted");
        assert_eq!(observe(20, 0, 100), 190);
    }

    #[test]
    fn a_burst_that_shows_in_the_published_messages_first_is_counted() {
        let mut drops = Drops::default();
        let now = Instant::now();
        let mut observe = |published, messages| drops.observe("q", &stats(published, 0, messages), 100_000, now);
        assert_eq!(observe(10, 10), 0);
        assert_eq!(observe(150, 10), 0, "the queue's size is one report behind");
        assert_eq!(observe(150, 100), 50);
    }
}
