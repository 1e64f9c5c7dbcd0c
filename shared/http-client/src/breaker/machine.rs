//! The breaker's state machine. Pure but for the clock.

use super::{config::BreakerConfig, history::History, state::BreakerState, verdict::Verdict, window::Window};
use std::{hash::BuildHasher, sync::Arc, time::Duration};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    Closed {
        since: Instant,
    },
    Open {
        until: Instant,
    },
    /// `since` is the time at which the current probe was admitted, or its permit returned.
    HalfOpen {
        probe_out: bool,
        since: Instant,
    },
    ForcedOpen,
}

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) config: BreakerConfig,
    pub(super) phase: Phase,
    /// Counts transitions, so that results of calls admitted before the last one are recognised.
    generation: u64,
    pub(super) failures_in_a_row: u32,
    pub(super) window: Window,
    /// Number of reopenings without a longer closed phase in between.
    reopened: u32,
    /// Length of the last cooldown.
    last_open_for: Duration,
    pub(super) history: History,
}

impl Machine {
    pub(super) fn new(name: Arc<str>, config: BreakerConfig) -> Self {
        Self {
            window: Window::new(config.window),
            config,
            phase: Phase::Closed { since: Instant::now() },
            generation: 0,
            failures_in_a_row: 0,
            reopened: 0,
            last_open_for: Duration::ZERO,
            history: History::new(name),
        }
    }

    /// Fails with the time until the next probe if no call may be made now.
    pub(super) fn check(&mut self) -> Result<(), Duration> {
        let refusal = self.refusal();
        if refusal.is_some() {
            self.history.refused();
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Returns the generation that the call belongs to.
    pub(super) fn admit(&mut self) -> Result<u64, Duration> {
        self.check()?;
        match self.phase {
            Phase::Open { .. } => self.probe("time for a probe"),
            Phase::HalfOpen { probe_out: true, .. } => self.probe("the last probe was written off"),
            Phase::HalfOpen { probe_out: false, .. } => {
                self.phase = Phase::HalfOpen {
                    probe_out: true,
                    since: Instant::now(),
                };
            }
            Phase::Closed { .. } | Phase::ForcedOpen => {}
        }
        Ok(self.generation)
    }

    pub(super) fn record(&mut self, generation: u64, took: Duration, verdict: &Verdict) {
        let slow = took >= self.config.slow_call;
        self.count(verdict, slow);
        if generation != self.generation {
            return;
        }
        match self.phase {
            Phase::Closed { .. } => self.record_closed(verdict, slow),
            Phase::HalfOpen { .. } => self.record_probe(verdict),
            // A transition to these changes the generation: nothing admitted under them exists.
            Phase::Open { .. } | Phase::ForcedOpen => {}
        }
    }

    /// Records a caller that was dropped. If it had waited long, the upstream counts as the reason.
    pub(super) fn abandon(&mut self, generation: u64, waited: Duration, panicked: bool) {
        self.history.counters.cancelled += 1;
        let verdict = if panicked {
            Verdict::Failure("the caller panicked".to_owned())
        } else if waited >= self.config.slow_call {
            Verdict::Failure(format!("the caller gave up after {} ms", waited.as_millis()))
        } else {
            Verdict::Neutral
        };
        if verdict != Verdict::Neutral {
            self.record(generation, waited, &verdict);
        } else if generation == self.generation {
            self.return_probe();
        }
    }

    pub(super) fn force_open(&mut self) {
        self.enter(Phase::ForcedOpen, "forced open by an operator");
    }

    pub(super) fn close_by_hand(&mut self) {
        self.close("closed by an operator");
    }

    pub(super) fn reset(&mut self) {
        let name = Arc::clone(self.history.name());
        let transitions = std::mem::take(&mut self.history.transitions);
        self.history = History::new(name);
        self.history.transitions = transitions;
        self.reopened = 0;
        self.last_open_for = Duration::ZERO;
        self.close("reset by an operator");
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
            Phase::ForcedOpen => BreakerState::ForcedOpen,
        }
    }

    fn refusal(&self) -> Option<Duration> {
        let now = Instant::now();
        match self.phase {
            Phase::Open { until } if now < until => Some(until - now),
            Phase::HalfOpen { probe_out: true, since } => {
                // Most probes end within a second; the caller need not wait for the write-off.
                (now < since + self.config.probe_age_max).then_some(Duration::from_secs(1))
            }
            Phase::ForcedOpen => Some(self.config.open_for),
            Phase::Open { .. } | Phase::Closed { .. } | Phase::HalfOpen { .. } => None,
        }
    }

    fn record_closed(&mut self, verdict: &Verdict, slow: bool) {
        let failed = match verdict {
            Verdict::Success => false,
            Verdict::Failure(_) => true,
            // Not in the window: while all that is worth anything fails, refusals are no successes.
            Verdict::Answered => {
                self.failures_in_a_row = 0;
                return;
            }
            Verdict::Throttled | Verdict::Neutral => return,
        };
        self.window.record(failed, slow);
        self.failures_in_a_row = if failed { self.failures_in_a_row + 1 } else { 0 };
        if self.failures_in_a_row >= self.config.failures_in_a_row {
            self.trip("failures in a row");
        } else if let Some(reason) = self.window.verdict(&self.config) {
            self.trip(reason);
        }
    }

    fn record_probe(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Success => self.close("the probe succeeded"),
            Verdict::Answered => self.close("the probe was answered"),
            Verdict::Failure(_) => self.reopen("the probe failed"),
            Verdict::Throttled => self.reopen("the probe was throttled"),
            // No verdict: the next call is the probe.
            Verdict::Neutral => self.return_probe(),
        }
    }

    fn return_probe(&mut self) {
        if let Phase::HalfOpen { probe_out, .. } = &mut self.phase {
            *probe_out = false;
        }
    }

    fn trip(&mut self, reason: &str) {
        if let Phase::Closed { since } = self.phase
            && since.elapsed() >= self.last_open_for
        {
            self.reopened = 0;
            self.open(reason);
        } else {
            self.reopen(reason);
        }
    }

    fn reopen(&mut self, reason: &str) {
        self.reopened = self.reopened.saturating_add(1);
        self.open(reason);
    }

    fn open(&mut self, reason: &str) {
        let doubled = 2_u32
            .checked_pow(self.reopened)
            .and_then(|factor| self.config.open_for.checked_mul(factor));
        let open_for = doubled.map_or(self.config.open_for_max, |doubled| {
            doubled.min(self.config.open_for_max)
        });
        // Instances of a service lose an upstream at the same moment; jitter keeps them from probing it at the same one.
        self.last_open_for = open_for.mul_f64(0.9 + 0.2 * random_share());
        self.enter(
            Phase::Open {
                until: Instant::now() + self.last_open_for,
            },
            reason,
        );
    }

    fn probe(&mut self, reason: &str) {
        self.enter(
            Phase::HalfOpen {
                probe_out: true,
                since: Instant::now(),
            },
            reason,
        );
    }

    fn close(&mut self, reason: &str) {
        self.enter(Phase::Closed { since: Instant::now() }, reason);
    }

    fn enter(&mut self, phase: Phase, reason: &str) {
        let from = self.state();
        self.phase = phase;
        self.generation += 1;
        self.failures_in_a_row = 0;
        self.window.clear();
        self.history.moved(from, self.state(), reason);
    }

    fn count(&mut self, verdict: &Verdict, slow: bool) {
        match verdict {
            Verdict::Success => self.history.counters.success += 1,
            Verdict::Failure(error) => self.history.failed(error),
            Verdict::Answered | Verdict::Throttled | Verdict::Neutral => self.history.counters.ignored += 1,
        }
        self.history.counters.slow += u64::from(slow);
    }
}

/// Returns a number evenly distributed over 0–1. The standard library seeds each `RandomState` anew; a random number generator
/// would be a dependency for one line of jitter.
fn random_share() -> f64 {
    let bits = std::hash::RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(bits >> 32).expect("32 bits are left")) / f64::from(u32::MAX)
}
