//! A lower bound of the age of a queue's oldest message.
//!
//! RabbitMQ 3.10 does not report it for quorum queues. It follows from earlier samples: if a queue held `n` messages and
//! fewer than `n` were acknowledged since, one of them is still there.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

/// Samples kept per queue: two hours at one sample every 15 s, which is more than any alarm needs.
const SAMPLES_MAX: usize = 480;

#[derive(Default)]
pub(super) struct QueueAges(BTreeMap<String, VecDeque<Sample>>);

struct Sample {
    at: Instant,
    messages: u64,
    acknowledged: u64,
}

impl QueueAges {
    /// Records a sample of a queue; returns the time for which some message of it has waited at least.
    pub(super) fn observe(&mut self, queue: &str, messages: u64, acknowledged: u64, now: Instant) -> Duration {
        let samples = self.0.entry(queue.to_owned()).or_default();
        // The broker's counter of acknowledgements starts again with the broker.
        if samples.back().is_some_and(|sample| sample.acknowledged > acknowledged) {
            samples.clear();
        }
        if samples.len() == SAMPLES_MAX {
            samples.remove(1);
        }
        samples.push_back(Sample {
            at: now,
            messages,
            acknowledged,
        });
        while samples
            .front()
            .is_some_and(|sample| acknowledged - sample.acknowledged >= sample.messages)
        {
            samples.pop_front();
        }
        samples.front().map_or(Duration::ZERO, |sample| now - sample.at)
    }
}

#[cfg(test)]
mod tests {
    use super::{QueueAges, SAMPLES_MAX};
    use std::time::{Duration, Instant};

    #[test]
    fn age_grows_while_a_message_of_an_earlier_sample_remains() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut ages = QueueAges::default();
        assert_eq!(ages.observe("q", 0, 5, at(0)), Duration::ZERO);
        assert_eq!(ages.observe("q", 10, 5, at(10)), Duration::ZERO);
        assert_eq!(
            ages.observe("q", 30, 14, at(20)),
            Duration::from_secs(10),
            "one of the ten remains"
        );
        assert_eq!(
            ages.observe("q", 30, 15, at(30)),
            Duration::from_secs(10),
            "the ten are consumed, the thirty are not"
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
    fn a_queue_that_keeps_up_has_no_old_message() {
        let start = Instant::now();
        let mut ages = QueueAges::default();
        for sample in 0..1000 {
            let age = ages.observe("q", 5, sample * 50, start + Duration::from_secs(sample * 15));
            assert!(age <= Duration::from_secs(15), "{age:?}");
        }
    }

    #[test]
    fn the_number_of_samples_is_bounded_and_the_oldest_is_kept() {
        let start = Instant::now();
        let mut ages = QueueAges::default();
        let mut age = Duration::ZERO;
        for sample in 0..2000 {
            age = ages.observe("q", 5, 0, start + Duration::from_secs(sample * 15));
        }
        assert_eq!(age, Duration::from_secs(1999 * 15));
        assert!(ages.0["q"].len() <= SAMPLES_MAX);
    }
}
