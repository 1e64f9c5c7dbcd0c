//! The circuit breaker: stops asking an upstream that does not answer, and finds out by one probe when to start again.
//!
//! Closed, it counts; open, it refuses; half-open, it admits one probe whose result decides. Two things are easy to get
//! wrong and are held by types here. A caller that goes away must not take the probe's place with it: [`Permit`] gives
//! it back when dropped. And an answer to a call that was admitted before the last transition says nothing about now:
//! a permit carries the generation that admitted it, and results of older generations only add to the totals.

mod history;
mod machine;
mod permit;
mod status;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use permit::{Permit, Verdict};
pub use status::{BreakerState, Counters, Transition, WindowStatus};

use machine::Machine;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone)]
pub struct BreakerConfig {
    /// So many failures in a row open it.
    pub failures_in_a_row: u32,
    /// What the window looks back on.
    pub window: Duration,
    /// Below so many calls in the window, its ratios say nothing.
    pub window_calls_min: u32,
    /// This share of failures in the window opens it.
    pub failure_ratio: f64,
    /// This share of slow calls in the window opens it.
    pub slow_ratio: f64,
    /// A call that takes this long is slow; a caller that gave up after this long counts as a failure.
    pub slow_call: Duration,
    /// How long it stays open the first time; doubles each time a probe fails.
    pub open_for: Duration,
    /// What that doubling ends at.
    pub open_for_max: Duration,
    /// A probe that has not come back by then is written off, and another one is admitted.
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

/// The circuit is open; ask again after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPermitted {
    pub(crate) retry_after: Duration,
}

/// A breaker, shared by all who call the same upstream.
#[derive(Debug)]
pub(crate) struct Breaker {
    name: Arc<str>,
    /// Held for less than a microsecond at a time, never across an await.
    machine: Mutex<Machine>,
}

impl Breaker {
    pub(crate) fn new(name: Arc<str>, config: BreakerConfig) -> Self {
        Self {
            machine: Mutex::new(Machine::new(Arc::clone(&name), config)),
            name,
        }
    }

    /// Asks without taking part: refuses what [`Self::try_acquire`] would refuse now.
    pub(crate) fn check(&self) -> Result<(), NotPermitted> {
        self.lock().check()
    }

    /// Admits one call, or refuses it. The result must be told to the permit.
    pub(crate) fn try_acquire(self: &Arc<Self>) -> Result<Permit, NotPermitted> {
        let generation = self.lock().admit()?;
        Ok(Permit::new(Arc::clone(self), generation))
    }

    /// Opens it until [`Self::close`] or [`Self::reset`].
    pub(crate) fn force_open(&self) {
        self.lock().force_open();
    }

    /// Closes it, whatever it knows; the counters stay.
    pub(crate) fn close(&self) {
        self.lock().close_by_hand();
    }

    /// Closes it and forgets what it counted.
    pub(crate) fn reset(&self) {
        self.lock().reset();
    }

    fn count_attempt(&self, outcome: &'static str) {
        let target = Arc::clone(&self.name);
        metrics::counter!("http_client_attempts_total", "target" => target, "outcome" => outcome).increment(1);
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // Every change is complete before anything in there could panic.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
