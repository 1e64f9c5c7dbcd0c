//! The circuit breaker and the permits that it hands out.

use super::{
    config::BreakerConfig,
    machine::{Machine, Phase},
    state::{BreakerState, Counters, Snapshot},
    verdict::Verdict,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A refusal: the circuit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPermitted {
    /// Time until the next probe.
    pub(crate) retry_after: Duration,
}

/// The circuit breaker of one upstream, shared by all of its callers.
#[derive(Debug)]
pub(crate) struct Breaker {
    name: Arc<str>,
    /// Locked for less than a microsecond at a time, never across an await.
    machine: Mutex<Machine>,
}

impl Breaker {
    pub(crate) fn new(name: Arc<str>, config: BreakerConfig) -> Self {
        Self {
            machine: Mutex::new(Machine::new(Arc::clone(&name), config)),
            name,
        }
    }

    /// Fails if [`Self::try_acquire`] would refuse a call now. It admits none.
    pub(crate) fn check(&self) -> Result<(), NotPermitted> {
        self.lock().check().map_err(|retry_after| NotPermitted { retry_after })
    }

    /// Admits one call, or refuses it. Its result is reported with [`Permit::settle`].
    pub(crate) fn try_acquire(self: &Arc<Self>) -> Result<Permit, NotPermitted> {
        let generation = self
            .lock()
            .admit()
            .map_err(|retry_after| NotPermitted { retry_after })?;
        Ok(Permit::new(Arc::clone(self), generation))
    }

    /// Opens the circuit until [`Self::close`] or [`Self::reset`].
    pub(crate) fn force_open(&self) {
        self.lock().force_open();
    }

    /// Closes the circuit; the counters stay.
    pub(crate) fn close(&self) {
        self.lock().close_by_hand();
    }

    /// Closes the circuit and resets the counters.
    pub(crate) fn reset(&self) {
        self.lock().reset();
    }

    /// Returns the state at this moment.
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
            // The machine's clock is monotonic and has no date: the distance is added to the wall clock.
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

    fn count_attempt(&self, outcome: &'static str) {
        let target = Arc::clone(&self.name);
        metrics::counter!("http_client_attempts_total", "target" => target, "outcome" => outcome).increment(1);
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // Each change is complete before anything in it could panic, so a poisoned lock holds a sound state.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit for one call. Dropping it unsettled (the caller was dropped, or panicked) returns a probe's permit.
#[derive(Debug)]
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    generation: u64,
    started: Instant,
    settled: bool,
}

impl Permit {
    pub(super) fn new(breaker: Arc<Breaker>, generation: u64) -> Self {
        Self {
            breaker,
            generation,
            started: Instant::now(),
            settled: false,
        }
    }

    /// Reports the result of the call to the breaker.
    pub(crate) fn settle(mut self, verdict: &Verdict) {
        self.settled = true;
        self.breaker.count_attempt(verdict.outcome());
        self.breaker
            .lock()
            .record(self.generation, self.started.elapsed(), verdict);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.count_attempt("cancelled");
            let panicked = std::thread::panicking();
            self.breaker
                .lock()
                .abandon(self.generation, self.started.elapsed(), panicked);
        }
    }
}
