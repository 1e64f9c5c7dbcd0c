//! The state of a client, for `/internal/status`.

use crate::breaker::{BreakerState, Counters, Transition, WindowStatus};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The state of one upstream as this process sees it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerStatus {
    /// Name of the upstream.
    pub name: String,
    /// Base URL of the upstream.
    pub base_url: String,
    /// State of the circuit breaker.
    pub state: BreakerState,
    /// Number of failures since the last success.
    pub consecutive_failures: u32,
    /// Calls in the sliding window.
    pub window: WindowStatus,
    /// Calls since the start.
    pub counters: Counters,
    /// Number of calls that the breaker refused.
    pub not_permitted: u64,
    /// Error of the last failure.
    pub last_error: Option<String>,
    /// Time at which the circuit opened, if it is open.
    pub opened_at: Option<DateTime<Utc>>,
    /// Time of the next probe, if the circuit is open.
    pub next_probe_at: Option<DateTime<Utc>>,
    /// Last transitions, oldest first.
    pub transitions: Vec<Transition>,
    /// State of the bulkhead.
    pub bulkhead: BulkheadStatus,
    /// Counters of retries.
    pub retries: RetriesStatus,
}

/// The state of a bulkhead.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkheadStatus {
    /// Number of permits.
    pub limit: usize,
    /// Permits in use.
    pub in_use: usize,
    /// Attempts that wait for a permit.
    pub waiting: u64,
    /// Attempts that got no permit in time, since the start.
    pub rejected: u64,
}

/// Counters of retries.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetriesStatus {
    /// Retries made since the start.
    pub made: u64,
    /// Retries that the budget refused since the start.
    pub budget_exhausted: u64,
}
