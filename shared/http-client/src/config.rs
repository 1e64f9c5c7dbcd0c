//! The numbers of one client.

use super::{BaseUrl, BreakerConfig};
use std::{sync::Arc, time::Duration};

/// What a client may do, and for how long. [`Self::new`] has the numbers that suit calls between services.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The upstream's name, for metrics, logs and the status page.
    pub name: Arc<str>,
    /// Where it is.
    pub base_url: BaseUrl,
    /// The whole call: waiting, attempts and the pauses between them. A request can have its own.
    pub deadline: Duration,
    /// One attempt, to the end of the answer's body; to its headers where the body is streamed.
    pub attempt_timeout: Duration,
    /// Making a connection, as a part of the attempt.
    pub connect_timeout: Duration,
    /// How long a streamed body may stand still.
    pub body_idle_timeout: Duration,
    /// An answer whose body is longer is refused; does not apply to streamed ones.
    pub answer_bytes_max: usize,
    /// How many attempts may be under way at a time.
    pub concurrency_max: usize,
    /// How long an attempt waits for its place.
    pub concurrency_wait: Duration,
    /// When to try again.
    pub retry: RetryConfig,
    /// When to stop asking.
    pub breaker: BreakerConfig,
}

/// When to try again.
#[derive(Debug, Clone)]
pub struct RetryConfig {
    /// So many tries after the first.
    pub retries_max: u32,
    /// The first pause is a random share of this; it doubles each time.
    pub backoff_min: Duration,
    /// What that doubling ends at.
    pub backoff_max: Duration,
    /// So many retries a second are allowed however few calls there are, saved up for ten seconds.
    pub budget_per_second: u32,
    /// Each call allows this share of a retry more.
    pub budget_share: f64,
}

impl ClientConfig {
    /// The usual numbers for the upstream `name` at `base_url`.
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
