//! The configuration of one client.

use crate::{base_url::BaseUrl, breaker::BreakerConfig};
use std::{sync::Arc, time::Duration};

/// The limits of a client. [`Self::new`] has the defaults for calls between services.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The upstream's name, for metrics, logs and the status page.
    pub name: Arc<str>,
    /// URL below which the paths of requests lie.
    pub base_url: BaseUrl,
    /// Limit of the whole call: waiting, attempts and the backoff between them. A request can have its own.
    pub deadline: Duration,
    /// Limit of one attempt, to the end of the answer's body; to its headers where the body is streamed.
    pub attempt_timeout: Duration,
    /// Limit for connecting, within the attempt.
    pub connect_timeout: Duration,
    /// Longest pause within a streamed body.
    pub body_idle_timeout: Duration,
    /// Largest body of an answer in bytes; does not apply to streamed ones.
    pub answer_bytes_max: usize,
    /// Permits of the bulkhead: attempts under way at a time.
    pub concurrency_max: usize,
    /// Longest wait for a permit of the bulkhead.
    pub concurrency_wait: Duration,
    /// Retries and their budget.
    pub retry: RetryConfig,
    /// Circuit breaker.
    pub breaker: BreakerConfig,
}

/// The retries of a client.
#[derive(Debug, Clone)]
pub struct RetryConfig {
    /// Attempts after the first.
    pub retries_max: u32,
    /// Backoff before the first retry, of which a random share is used (full jitter); it doubles each time.
    pub backoff_min: Duration,
    /// Longest backoff.
    pub backoff_max: Duration,
    /// Retries per second that the budget allows without any calls, counted over ten seconds.
    pub budget_per_second: u32,
    /// Share of calls that may be retried beyond that, 0–1.
    pub budget_share: f32,
}

impl ClientConfig {
    /// Returns the defaults for the upstream `name` at `base_url`.
    pub fn new(name: impl Into<Arc<str>>, base_url: BaseUrl) -> Self {
        Self {
            name: name.into(),
            base_url,
            deadline: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(1),
            body_idle_timeout: Duration::from_secs(30),
            answer_bytes_max: 4 * 1024 * 1024,
            concurrency_max: 20,
            concurrency_wait: Duration::from_millis(500),
            retry: RetryConfig::default(),
            breaker: BreakerConfig::default(),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            retries_max: 3,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
            budget_per_second: 10,
            budget_share: 0.2,
        }
    }
}
