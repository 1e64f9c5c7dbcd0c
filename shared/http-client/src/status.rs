//! What a client tells operators at `/internal/status`.

use super::{BreakerState, Counters, ResilientHttpClient, Transition, WindowStatus};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The state of one upstream as this process sees it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerStatus {
    /// The upstream.
    pub name: String,
    /// Where it is.
    pub base_url: String,
    /// Whether calls go through.
    pub state: BreakerState,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// What happened lately.
    pub window: WindowStatus,
    /// What happened since the start.
    pub counters: Counters,
    /// Calls that the breaker refused.
    pub not_permitted: u64,
    /// The last failure.
    pub last_error: Option<String>,
    /// Since when it is open, if it is.
    pub opened_at: Option<DateTime<Utc>>,
    /// When a probe may go out, if it is open.
    pub next_probe_at: Option<DateTime<Utc>>,
    /// The last changes of state, oldest first.
    pub transitions: Vec<Transition>,
    /// The limit on attempts under way.
    pub bulkhead: BulkheadStatus,
    /// The retries.
    pub retries: RetriesStatus,
}

/// The limit on attempts under way.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkheadStatus {
    /// So many may be.
    pub limit: usize,
    /// So many are.
    pub in_use: usize,
    /// So many wait for a place.
    pub waiting: u64,
    /// So many waited in vain, since the start.
    pub rejected: u64,
}

/// The retries.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetriesStatus {
    /// Made since the start.
    pub made: u64,
    /// Not made because too many had been.
    pub budget_exhausted: u64,
}

impl ResilientHttpClient {
    /// The state of this client, for `/internal/status`.
    pub fn status(&self) -> BreakerStatus {
        let bulkhead = self.bulkhead.status();
        let mut status = self.breaker.status();
        status.counters.rejected += bulkhead.rejected;
        BreakerStatus {
            name: self.config.name.to_string(),
            base_url: self.config.base_url.to_string(),
            state: status.state,
            consecutive_failures: status.failures_in_a_row,
            window: status.window,
            counters: status.counters,
            not_permitted: status.not_permitted,
            last_error: status.last_error,
            opened_at: status.opened_at,
            next_probe_at: status.next_probe_at,
            transitions: status.transitions,
            bulkhead,
            retries: self.retries.status(),
        }
    }
}
