//! The history of a breaker, for operators: totals, the last error and the last transitions.

use super::state::{BreakerState, Counters, Transition};
use std::{collections::VecDeque, sync::Arc};

const TRANSITIONS_MAX: usize = 50;
const ERROR_LENGTH_MAX: usize = 300;

#[derive(Debug)]
pub(super) struct History {
    name: Arc<str>,
    pub(super) counters: Counters,
    pub(super) not_permitted: u64,
    pub(super) last_error: Option<String>,
    pub(super) transitions: VecDeque<Transition>,
}

impl History {
    pub(super) fn new(name: Arc<str>) -> Self {
        metrics::gauge!("circuit_breaker_state", "target" => name.to_string()).set(BreakerState::Closed.gauge());
        Self {
            name,
            counters: Counters::default(),
            not_permitted: 0,
            last_error: None,
            transitions: VecDeque::new(),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn refused(&mut self) {
        self.not_permitted += 1;
        metrics::counter!("circuit_breaker_not_permitted_total", "target" => self.name.to_string()).increment(1);
    }

    pub(super) fn failed(&mut self, error: &str) {
        self.counters.failure += 1;
        self.last_error = Some(error.chars().take(ERROR_LENGTH_MAX).collect());
    }

    pub(super) fn moved(&mut self, from: BreakerState, to: BreakerState, reason: &str) {
        if self.transitions.len() == TRANSITIONS_MAX {
            self.transitions.pop_front();
        }
        let at = kernel::clock::now();
        self.transitions.push_back(Transition {
            at,
            from,
            to,
            reason: reason.to_owned(),
        });

        let target = self.name.to_string();
        metrics::gauge!("circuit_breaker_state", "target" => target.clone()).set(to.gauge());
        metrics::counter!("circuit_breaker_transitions_total",
            "target" => target, "from" => from.as_str(), "to" => to.as_str())
        .increment(1);
        let (target, from) = (&*self.name, from.as_str());
        match to {
            BreakerState::Open | BreakerState::ForcedOpen => tracing::warn!(
                code = "breaker.opened",
                breaker.name = target,
                breaker.from = from,
                breaker.to = to.as_str(),
                reason,
                last_error = self.last_error.as_deref(),
                "Circuit opened"
            ),
            BreakerState::Closed | BreakerState::HalfOpen => tracing::info!(
                breaker.name = target,
                breaker.from = from,
                breaker.to = to.as_str(),
                reason,
                "Circuit changed"
            ),
        }
    }
}
