//! How long the oldest message of a queue has waited at least.
//!
//! RabbitMQ 3.10 does not tell this for quorum queues. It follows from the figures of earlier looks: if a queue held
//! `n` messages and fewer than `n` were acknowledged since, one of them is still there.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Two hours at one look every 15 s; older than that is old enough.
const LOOKS_MAX: usize = 480;

#[derive(Default)]
pub(super) struct Ages(BTreeMap<String, VecDeque<Look>>);

struct Look {
    at: Instant,
    messages: u64,
    acknowledged: u64,
}

impl Ages {
    /// Takes note of a queue's figures; returns the time that some message has waited at least.
    pub(super) fn observe(&mut self, queue: &str, messages: u64, acknowledged: u64, now: Instant) -> Duration {
        let looks = self.0.entry(queue.to_owned()).or_default();
        // The count starts again with the broker.
        if looks.back().is_some_and(|look| look.acknowledged > acknowledged) {
            looks.clear();
        }
        if looks.len() == LOOKS_MAX {
            looks.remove(1);
        }
        looks.push_back(Look {
            at: now,
            messages,
            acknowledged,
        });
        while looks
            .front()
            .is_some_and(|look| acknowledged - look.acknowledged >= look.messages)
        {
            looks.pop_front();
        }
        looks.front().map_or(Duration::ZERO, |look| now - look.at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Ages;

    #[test]
    fn age_grows_while_something_of_then_is_left() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut ages = Ages::default();
        assert_eq!(ages.observe("q", 0, 5, at(0)), Duration::ZERO);
        assert_eq!(ages.observe("q", 10, 5, at(10)), Duration::ZERO);
        assert_eq!(
            ages.observe("q", 30, 14, at(20)),
            Duration::from_secs(10),
            "one of the ten is left"
        );
        assert_eq!(
            ages.observe("q", 30, 15, at(30)),
            Duration::from_secs(10),
            "the ten are gone, the thirty are not"
        );
        assert_eq!(ages.observe("q", 0, 45, at(40)), Duration::ZERO);
        assert_eq!(ages.observe("q", 3, 45, at(50)), Duration::ZERO);
        assert_eq!(
            ages.observe("q", 3, 0, at(60)),
            Duration::ZERO,
            "the broker was restarted"
        );
        assert_eq!(ages.observe("q", 3, 0, at(70)), Duration::from_secs(10));
    }

    #[test]
    fn a_flowing_queue_is_young() {
        let start = Instant::now();
        let mut ages = Ages::default();
        for look in 0..1000 {
            let age = ages.observe("q", 5, look * 50, start + Duration::from_secs(look * 15));
            assert!(age <= Duration::from_secs(15), "{age:?}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_look_is_kept() {
        let start = Instant::now();
        let mut ages = Ages::default();
        let mut age = Duration::ZERO;
        for look in 0..2000 {
            age = ages.observe("q", 5, 0, start + Duration::from_secs(look * 15));
        }
        assert_eq!(age, Duration::from_secs(1999 * 15));
        assert!(ages.0["q"].len() <= super::LOOKS_MAX);
    }
}
