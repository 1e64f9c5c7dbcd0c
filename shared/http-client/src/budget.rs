//! A limit on retries as a share of calls: when everything fails, retries must not double the load.

use super::RetryConfig;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// A few calls an hour may retry, too: this much of the rate is saved up.
const SAVED_S: u32 = 10;

/// A token bucket: time and calls fill it, retries empty it.
#[derive(Debug)]
pub(super) struct Budget {
    per_second: f64,
    share: f64,
    tokens_max: f64,
    tokens: Mutex<Tokens>,
}

#[derive(Debug)]
struct Tokens {
    count: f64,
    counted_at: Instant,
}

impl Budget {
    pub(super) fn new(config: &RetryConfig) -> Self {
        let tokens_max = f64::from(config.budget_per_second.saturating_mul(SAVED_S));
        Self {
            per_second: config.budget_per_second.into(),
            share: config.budget_share,
            tokens_max,
            tokens: Mutex::new(Tokens {
                count: tokens_max,
                counted_at: Instant::now(),
            }),
        }
    }

    /// A call is made: a share of a retry more may be.
    pub(super) fn deposit(&self) {
        self.change(|tokens| {
            *tokens += self.share;
            true
        });
    }

    /// Whether one more retry is allowed; if so, it is taken off.
    pub(super) fn withdraw(&self) -> bool {
        self.change(|tokens| {
            let allowed = *tokens >= 1.0;
            if allowed {
                *tokens -= 1.0;
            }
            allowed
        })
    }

    fn change(&self, change: impl FnOnce(&mut f64) -> bool) -> bool {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = now.duration_since(tokens.counted_at).as_secs_f64() * self.per_second;
        tokens.counted_at = now;
        tokens.count = (tokens.count + earned).min(self.tokens_max.max(1.0));
        change(&mut tokens.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn ends_when_everything_fails_and_comes_back_with_time_and_calls() {
        let budget = Budget::new(&RetryConfig {
            budget_per_second: 1,
            budget_share: 0.25,
            ..RetryConfig::default()
        });
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 2);
        (0..24).for_each(|_| budget.deposit());
        assert_eq!(
            (0..100).filter(|_| budget.withdraw()).count(),
            6,
            "a quarter of twenty-four"
        );
    }
}
