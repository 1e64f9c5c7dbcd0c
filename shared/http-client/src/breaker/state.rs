//! The state of a circuit breaker, for `/internal/status`.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Calls go through and are counted.
    Closed,
    /// Calls are refused until the cooldown ends.
    Open,
    /// One probe is under way or may be sent; its result decides.
    HalfOpen,
    /// Opened by an operator; no probe is sent.
    ForcedOpen,
}

impl BreakerState {
    /// Returns the name used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::ForcedOpen => "forced-open",
        }
    }

    /// Returns the value of the gauge `circuit_breaker_state`.
    pub(super) fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::Open | Self::ForcedOpen => 1.0,
            Self::HalfOpen => 2.0,
        }
    }
}

/// Outcomes of this process's calls since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Answered with success.
    pub success: u64,
    /// Not answered, or answered with 500, 502, 503 or 504.
    pub failure: u64,
    /// Slow ones; each is also counted among the others.
    pub slow: u64,
    /// Answered with a redirect or a refusal (3xx, 4xx), or without a verdict on the upstream's health.
    pub ignored: u64,
    /// Refused by the breaker or the bulkhead, never sent.
    pub rejected: u64,
    /// Dropped by the caller before the answer.
    pub cancelled: u64,
}

/// The content of the sliding window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowStatus {
    /// Calls with a verdict on the upstream's health.
    pub calls: u32,
    /// Failed calls among them.
    pub failures: u32,
    /// Slow calls among them.
    pub slow: u32,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Time of the change.
    pub at: DateTime<Utc>,
    /// State before the change.
    pub from: BreakerState,
    /// State after the change.
    pub to: BreakerState,
    /// Reason of the change.
    pub reason: String,
}

/// A breaker's state at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) state: BreakerState,
    pub(crate) failures_in_a_row: u32,
    pub(crate) window: WindowStatus,
    pub(crate) counters: Counters,
    pub(crate) not_permitted: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) opened_at: Option<DateTime<Utc>>,
    pub(crate) next_probe_at: Option<DateTime<Utc>>,
    pub(crate) transitions: Vec<Transition>,
}
