//! The sliding window: a ring of ten buckets, each a tenth of the window long.

use super::{config::BreakerConfig, state::WindowStatus};
use std::time::Duration;
use tokio::time::Instant;

const BUCKETS: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    calls: u32,
    failures: u32,
    slow: u32,
}

#[derive(Debug)]
pub(super) struct Window {
    buckets: [Bucket; BUCKETS],
    newest: usize,
    newest_since: Instant,
    bucket_length: Duration,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        // A bucket of zero length would never end.
        let bucket_length = (length / 10).max(Duration::from_millis(1));
        Self {
            buckets: [Bucket::default(); BUCKETS],
            newest: 0,
            newest_since: Instant::now(),
            bucket_length,
        }
    }

    pub(super) fn record(&mut self, failed: bool, slow: bool) {
        self.turn();
        let bucket = &mut self.buckets[self.newest];
        bucket.calls = bucket.calls.saturating_add(1);
        bucket.failures = bucket.failures.saturating_add(failed.into());
        bucket.slow = bucket.slow.saturating_add(slow.into());
    }

    pub(super) fn clear(&mut self) {
        self.buckets = [Bucket::default(); BUCKETS];
    }

    /// Returns the reason for which the window opens the breaker, if it does.
    pub(super) fn verdict(&mut self, config: &BreakerConfig) -> Option<&'static str> {
        let sum = self.sum();
        if sum.calls < config.window_calls_min.max(1) {
            return None;
        }
        let share = |part: u32| f64::from(part) / f64::from(sum.calls);
        if share(sum.failures) >= config.failure_ratio {
            Some("failure rate")
        } else if share(sum.slow) >= config.slow_ratio {
            Some("slow call rate")
        } else {
            None
        }
    }

    pub(super) fn status(&mut self) -> WindowStatus {
        let Bucket { calls, failures, slow } = self.sum();
        WindowStatus { calls, failures, slow }
    }

    fn sum(&mut self) -> Bucket {
        self.turn();
        self.buckets.iter().fold(Bucket::default(), |sum, bucket| Bucket {
            calls: sum.calls.saturating_add(bucket.calls),
            failures: sum.failures.saturating_add(bucket.failures),
            slow: sum.slow.saturating_add(bucket.slow),
        })
    }

    /// Empties the buckets whose time has passed.
    fn turn(&mut self) {
        let mut turns = 0;
        while self.newest_since.elapsed() >= self.bucket_length {
            if turns == BUCKETS {
                // All buckets are empty; the rest of a long silence changes nothing.
                self.newest_since = Instant::now();
                return;
            }
            self.newest = (self.newest + 1) % BUCKETS;
            self.buckets[self.newest] = Bucket::default();
            self.newest_since += self.bucket_length;
            turns += 1;
        }
    }
}
