//! Leave to make one call, to be returned with what came of it.

use super::Breaker;
use std::sync::Arc;
use tokio::time::Instant;

/// What a call says about the health of its upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answered and did what was asked.
    Success,
    /// It did not answer, or answered that it cannot.
    Failure(String),
    /// It asked us to slow down: says nothing while closed, but a probe has failed.
    Throttled,
    /// Nothing: the caller's mistake, or a refusal.
    Neutral,
}

impl Verdict {
    /// The label of the metric.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(_) => "failure",
            Self::Throttled | Self::Neutral => "ignored",
        }
    }
}

/// Leave to make one call. Dropped without a verdict, the caller went away: its place is given back.
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

    /// Tells the breaker what came of the call.
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
