//! The health of a consumer, for the status page and for metrics.

use serde::Serialize;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// The state of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsumerState {
    /// Not subscribed; subscribing again.
    Disconnected,
    /// Subscribed and handling deliveries.
    Consuming,
    /// Waiting until a dependency is available again, or an event succeeds: it holds its deliveries, or has given them back.
    Paused,
    /// Ended by a stop.
    Stopped,
}

/// Shared between the consumer, its handlers and the status page.
#[derive(Debug)]
pub struct ConsumerHealth {
    queue: String,
    inner: Mutex<Inner>,
    in_flight: watch::Sender<usize>,
}

#[derive(Debug)]
struct Inner {
    state: ConsumerState,
    since: Instant,
    paused: usize,
    last_error: Option<String>,
    ready: u32,
    counters: Counters,
}

/// Outcomes of deliveries since the start of the process.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Took effect, or were recorded without one.
    pub handled: u64,
    /// Had taken effect before.
    pub duplicates: u64,
    /// Sent to a retry queue.
    pub retried: u64,
    /// Sent to the dead-letter queue.
    pub dead_lettered: u64,
}

/// A consumer's entry on the status page.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerReport {
    /// Name of the queue.
    pub queue: String,
    /// Current state.
    pub state: ConsumerState,
    /// Time in this state, in seconds.
    pub since_s: f64,
    /// Unacknowledged deliveries.
    pub in_flight: usize,
    /// Messages ready in the queue at the last check (every 5 s).
    pub ready: u32,
    /// Outcomes so far.
    #[serde(flatten)]
    pub counters: Counters,
    /// Newest interruption or failure.
    pub last_error: Option<String>,
}

/// An unacknowledged delivery, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    health: Arc<ConsumerHealth>,
}

/// A guard: while it lives, the consumer counts as paused.
#[derive(Debug)]
pub(crate) struct Pause {
    health: Arc<ConsumerHealth>,
}

impl ConsumerHealth {
    /// Creates the health of a consumer that is not subscribed yet.
    pub fn new(queue: &str) -> Arc<Self> {
        let inner = Inner {
            state: ConsumerState::Disconnected,
            since: Instant::now(),
            paused: 0,
            last_error: None,
            ready: 0,
            counters: Counters::default(),
        };
        Arc::new(Self {
            queue: queue.to_owned(),
            inner: Mutex::new(inner),
            in_flight: watch::Sender::new(0),
        })
    }

    /// Returns the name of the queue.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Returns the consumer's entry on the status page.
    pub fn report(&self) -> ConsumerReport {
        let inner = self.lock();
        ConsumerReport {
            queue: self.queue.clone(),
            state: inner.state,
            since_s: inner.since.elapsed().as_secs_f64(),
            in_flight: *self.in_flight.borrow(),
            ready: inner.ready,
            counters: inner.counters,
            last_error: inner.last_error.clone(),
        }
    }

    /// Returns the current state.
    pub fn state(&self) -> ConsumerState {
        self.lock().state
    }

    pub(crate) fn consuming(&self) {
        let mut inner = self.lock();
        let state = if inner.paused > 0 {
            ConsumerState::Paused
        } else {
            ConsumerState::Consuming
        };
        self.enter(&mut inner, state);
    }

    pub(crate) fn disconnected(&self, error: String) {
        let mut inner = self.lock();
        inner.last_error = Some(error);
        self.enter(&mut inner, ConsumerState::Disconnected);
    }

    pub(crate) fn stopped(&self) {
        self.enter(&mut self.lock(), ConsumerState::Stopped);
    }

    pub(crate) fn pause(self: &Arc<Self>, reason: &str) -> Pause {
        let mut inner = self.lock();
        inner.paused += 1;
        inner.last_error = Some(reason.to_owned());
        if inner.state == ConsumerState::Consuming {
            self.enter(&mut inner, ConsumerState::Paused);
        }
        Pause {
            health: Arc::clone(self),
        }
    }

    /// Returns for how long the consumer has been paused; zero if it is not.
    pub(crate) fn paused_for(&self) -> Duration {
        let inner = self.lock();
        if inner.state == ConsumerState::Paused {
            inner.since.elapsed()
        } else {
            Duration::ZERO
        }
    }

    pub(crate) fn failed(&self, reason: &str) {
        self.lock().last_error = Some(reason.to_owned());
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.lock().counters);
    }

    pub(crate) fn set_ready(&self, ready: u32) {
        self.lock().ready = ready;
    }

    pub(crate) fn in_flight(&self) -> usize {
        *self.in_flight.borrow()
    }

    /// Counts a delivery.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        self.in_flight.send_modify(|count| *count += 1);
        InFlight {
            health: Arc::clone(self),
        }
    }

    /// Waits until no delivery is unacknowledged, at most `limit`.
    pub(crate) async fn drained(&self, limit: Duration) {
        let mut in_flight = self.in_flight.subscribe();
        if timeout(limit, in_flight.wait_for(|count| *count == 0)).await.is_err() {
            tracing::warn!(queue = %self.queue, in_flight = self.in_flight(), "Subscription ended with deliveries in hand");
        }
    }

    fn enter(&self, inner: &mut Inner, state: ConsumerState) {
        if inner.state != state {
            inner.state = state;
            inner.since = Instant::now();
            let paused = if state == ConsumerState::Paused { 1.0 } else { 0.0 };
            metrics::gauge!("consumer_paused", "queue" => self.queue.clone()).set(paused);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.health.in_flight.send_modify(|count| *count -= 1);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let mut inner = self.health.lock();
        inner.paused -= 1;
        if inner.paused == 0 && inner.state == ConsumerState::Paused {
            self.health.enter(&mut inner, ConsumerState::Consuming);
        }
    }
}
