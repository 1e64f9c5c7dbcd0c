//! What a breaker tells operators.

use super::{Breaker, machine::Phase};
use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;

/// Whether calls go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Calls go through and are counted.
    Closed,
    /// Calls are refused until the time comes for a probe.
    Open,
    /// One probe is out or may go out; its result decides.
    HalfOpen,
    /// An operator has opened it; no probe goes out.
    ForcedOpen,
}

impl BreakerState {
    /// The name as it stands in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::ForcedOpen => "forced-open",
        }
    }

    /// The value of the gauge `circuit_breaker_state`.
    pub(super) fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::Open | Self::ForcedOpen => 1.0,
            Self::HalfOpen => 2.0,
        }
    }
}

/// How the calls of this process ended, since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Answered well.
    pub success: u64,
    /// Not answered, or answered that the upstream cannot.
    pub failure: u64,
    /// Answered well or not, but slowly; each is also one of the others.
    pub slow: u64,
    /// Answered in a way that says nothing about the upstream's health (4xx).
    pub ignored: u64,
    /// Turned away by the breaker or by the bulkhead, never sent.
    pub rejected: u64,
    /// The caller went away before the answer came.
    pub cancelled: u64,
}

/// What the window holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowStatus {
    /// Calls that say something about the upstream's health.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that were slow.
    pub slow: u32,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// When.
    pub at: DateTime<Utc>,
    /// From this state.
    pub from: BreakerState,
    /// To this one.
    pub to: BreakerState,
    /// Why.
    pub reason: String,
}

/// All that a breaker knows, at one moment.
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

impl Breaker {
    /// What operators see.
    pub(crate) fn status(&self) -> Snapshot {
        let mut machine = self.lock();
        let (state, window) = (machine.state(), machine.window.status());
        let history = &machine.history;
        let opening = history
            .transitions
            .iter()
            .rfind(|change| change.to != BreakerState::HalfOpen);
        let opened_at = opening
            .filter(|_| state != BreakerState::Closed)
            .map(|change| change.at);
        let next_probe_at = match machine.phase {
            // The wall clock, told from how far away the moment is: the machine's own clock has no date.
            Phase::Open { until } => Some(kernel::clock::now() + until.saturating_duration_since(Instant::now())),
            _ => None,
        };
        Snapshot {
            state,
            failures_in_a_row: machine.failures_in_a_row,
            window,
            counters: Counters {
                rejected: history.not_permitted,
                ..history.counters
            },
            not_permitted: history.not_permitted,
            last_error: history.last_error.clone(),
            opened_at,
            next_probe_at,
            transitions: history.transitions.iter().cloned().collect(),
        }
    }
}
