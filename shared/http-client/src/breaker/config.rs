//! The configuration of a circuit breaker.

use std::time::Duration;

/// The thresholds at which a breaker opens, and the durations for which it stays open.
#[derive(Debug, Clone)]
pub struct BreakerConfig {
    /// Number of consecutive failures that opens it.
    pub failures_in_a_row: u32,
    /// Length of the sliding window.
    pub window: Duration,
    /// Fewest calls in the window for its ratios to count.
    pub window_calls_min: u32,
    /// Share of failures in the window that opens it, 0–1.
    pub failure_ratio: f64,
    /// Share of slow calls in the window that opens it, 0–1.
    pub slow_ratio: f64,
    /// Duration from which a call is slow, and from which a caller that gave up counts as a failure.
    pub slow_call: Duration,
    /// Cooldown before the first probe; doubles each time a probe fails.
    pub open_for: Duration,
    /// Longest cooldown.
    pub open_for_max: Duration,
    /// Age at which a probe without a result is written off, and another admitted.
    pub probe_age_max: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures_in_a_row: 5,
            window: Duration::from_secs(30),
            window_calls_min: 20,
            failure_ratio: 0.5,
            slow_ratio: 0.8,
            slow_call: Duration::from_millis(1500),
            open_for: Duration::from_secs(30),
            open_for_max: Duration::from_mins(5),
            probe_age_max: Duration::from_secs(30),
        }
    }
}
