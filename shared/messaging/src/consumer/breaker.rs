//! The breaker of a consumer: while every event fails, it tries one at a time.
//!
//! When all fail, none of them is at fault. Trying them all would use up the attempts of each and leave a dead letter for
//! each.

use crate::health::{ConsumerHealth, Pause};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, MutexGuard, watch},
    time::{Instant, timeout_at},
};

/// Different events that fail, without one that succeeds, before the breaker opens.
const FAILED_MIN: u32 = 10;
/// Delay before the next event is tried; it doubles with each that fails.
const DELAY_MIN: Duration = Duration::from_millis(250);
const DELAY_MAX: Duration = Duration::from_secs(30);

/// Opens when every event fails, and closes when one succeeds.
#[derive(Debug)]
pub(super) struct Breaker {
    health: Arc<ConsumerHealth>,
    /// Time for which every event must have failed: a burst of poison messages is over by then.
    patience: Duration,
    state: watch::Sender<State>,
    /// The right to be tried, in the order of arrival.
    turns: Mutex<()>,
}

/// The right to try an event: without limit while the breaker is closed, else one event at a time.
pub(super) struct Turn<'a>(Option<MutexGuard<'a, ()>>);

#[derive(Debug, Default)]
struct State {
    /// Events whose first attempt failed since the last success.
    failed: u32,
    failing_since: Option<Instant>,
    succeeded_at: Option<Instant>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    delay: Duration,
    try_at: Instant,
    _pause: Pause,
}

impl Breaker {
    pub(super) fn new(health: Arc<ConsumerHealth>, patience: Duration) -> Self {
        Self {
            health,
            patience,
            state: watch::Sender::default(),
            turns: Mutex::default(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state.borrow().open.is_some()
    }

    /// Waits for the turn of an event.
    pub(super) async fn turn(&self) -> Turn<'_> {
        if !self.is_open() {
            return Turn(None);
        }
        let turn = self.turns.lock().await;
        while let Some(try_at) = self.try_at() {
            if Instant::now() >= try_at {
                return Turn(Some(turn));
            }
            let mut state = self.state.subscribe();
            let closed = state.wait_for(|state| state.open.is_none());
            drop(timeout_at(try_at, closed).await);
        }
        Turn(None)
    }

    /// Notes that a handler has succeeded.
    pub(super) fn succeeded(&self) {
        self.state.send_modify(|state| {
            *state = State {
                succeeded_at: Some(Instant::now()),
                ..State::default()
            }
        });
    }

    /// Returns true if a handler has succeeded within this time: the database works, for other events.
    pub(super) fn has_succeeded_within(&self, time: Duration) -> bool {
        let state = self.state.borrow();
        state.succeeded_at.is_some_and(|at| at.elapsed() < time)
    }

    /// Notes that a handler has failed for now. Only first attempts show that every event fails: what is retried alone has
    /// failed before, while others succeeded.
    pub(super) fn failed(&self, turn: &Turn<'_>, is_first_attempt: bool, reason: &str) {
        let now = Instant::now();
        self.state.send_modify(|state| {
            if let Some(open) = &mut state.open {
                if turn.0.is_some() {
                    open.delay = (open.delay * 2).min(DELAY_MAX);
                    open.try_at = now + open.delay;
                }
            } else if is_first_attempt {
                state.failed += 1;
                let since = *state.failing_since.get_or_insert(now);
                if state.failed >= FAILED_MIN && now - since >= self.patience {
                    state.open = Some(self.open(now, reason));
                }
            }
        });
    }

    fn open(&self, now: Instant, reason: &str) -> Open {
        let queue = self.health.queue();
        tracing::warn!(
            code = "consumer.paused",
            queue,
            error = reason,
            "Consumer paused: every event fails, and one at a time is tried"
        );
        Open {
            delay: DELAY_MIN,
            try_at: now + DELAY_MIN,
            _pause: self.health.pause(&format!("every event fails, at last: {reason}")),
        }
    }

    fn try_at(&self) -> Option<Instant> {
        self.state.borrow().open.as_ref().map(|open| open.try_at)
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() {
            "Turn(one at a time)"
        } else {
            "Turn(free)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::time::advance;

    const PATIENCE: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        Breaker::new(ConsumerHealth::new("seats-queue"), PATIENCE)
    }

    async fn fail(breaker: &Breaker, events: u32) {
        for _ in 0..events {
            let turn = breaker.turn().await;
            breaker.failed(&turn, true, "no");
        }
    }

    async fn opened() -> Breaker {
        let breaker = breaker();
        fail(&breaker, FAILED_MIN).await;
        advance(PATIENCE).await;
        fail(&breaker, 1).await;
        assert!(breaker.is_open());
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_a_retry_or_a_success_among_the_failures_opens_nothing() {
        let breaker = breaker();
        fail(&breaker, 1_000).await;
        assert!(!breaker.is_open(), "a burst");
        breaker.succeeded();
        advance(PATIENCE).await;
        fail(&breaker, FAILED_MIN - 1).await;
        advance(PATIENCE).await;
        for _ in 0..100 {
            let turn = breaker.turn().await;
            breaker.failed(&turn, false, "no");
        }
        assert!(!breaker.is_open(), "retries");
        fail(&breaker, 1).await;
        assert!(breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_tries_one_event_at_a_time_with_growing_delays() {
        let breaker = opened().await;
        let started = Instant::now();
        let first = breaker.turn().await;
        assert_eq!(started.elapsed(), DELAY_MIN);
        assert!(breaker.turn().now_or_never().is_none(), "two at a time");
        breaker.failed(&first, false, "no");
        drop(first);
        let second = breaker.turn().await;
        assert_eq!(started.elapsed(), 3 * DELAY_MIN);
        for _ in 0..20 {
            breaker.failed(&second, false, "no");
        }
        drop(second);
        breaker.turn().await;
        assert_eq!(started.elapsed(), 3 * DELAY_MIN + DELAY_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_lets_those_that_wait_go() {
        let breaker = opened().await;
        let started = Instant::now();
        let waiting = async {
            for _ in 0..100 {
                breaker.turn().await;
            }
        };
        let success = async { breaker.succeeded() };
        tokio::join!(waiting, success);
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert!(breaker.has_succeeded_within(PATIENCE));
    }
}
