//! Live counters.

use super::call::{Call, Outcome};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters at one moment; the difference of two says what happened between them.
///
/// A try counts once, however many gateways had to be asked for a connection. The success of the API in a window is
/// `first_tries_good / (first_tries - first_tries_throttled)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tries that have ended, whether recorded in the history or not.
    pub requests: u64,
    /// Tries answered 2xx.
    pub answered_2xx: u64,
    /// Tries answered 3xx or 4xx, but for 429.
    pub refused_4xx: u64,
    /// Tries answered 429.
    pub throttled_429: u64,
    /// Tries answered 5xx.
    pub failed_5xx: u64,
    /// Tries without an answer, also for want of a connection.
    pub unanswered: u64,
    /// How many requests were tried at least once.
    pub first_tries: u64,
    /// How many of these got the right answer at once: 2xx, or the 4xx that a platform without faults would give.
    pub first_tries_good: u64,
    /// How many of these got 429, which is no failure.
    pub first_tries_throttled: u64,
    /// Orders that were asked for, each counted once.
    pub orders_asked: u64,
    /// How many of these were accepted.
    pub orders_accepted: u64,
    /// How many of these were refused for good.
    pub orders_refused: u64,
    /// Bad requests that were made on purpose.
    pub mistakes_asked: u64,
    /// How many of these were accepted, which none should be.
    pub mistakes_accepted: u64,
    /// What arrived while too much was under way.
    pub skipped: u64,
}

/// The counters themselves, shared by all clients.
#[derive(Debug, Default)]
pub(super) struct Counters {
    tally: Mutex<Tally>,
}

impl Counters {
    /// One try ended.
    pub(super) fn tried(&self, call: &Call, outcome: &Outcome, is_first: bool) {
        let status = match outcome {
            Outcome::Answered(answer) => Some(answer.status),
            Outcome::NoConnection | Outcome::NoAnswer => None,
        };
        let mut tally = self.lock();
        tally.requests += 1;
        *match status {
            Some(200..300) => &mut tally.answered_2xx,
            Some(429) => &mut tally.throttled_429,
            Some(500..) => &mut tally.failed_5xx,
            Some(_) => &mut tally.refused_4xx,
            None => &mut tally.unanswered,
        } += 1;
        if is_first {
            tally.first_tries += 1;
            tally.first_tries_throttled += u64::from(status == Some(429));
            tally.first_tries_good += u64::from(status.is_some_and(|status| call.is_answered_well(status)));
        }
    }

    /// Somebody wants to order.
    pub(super) fn order_asked(&self) {
        self.lock().orders_asked += 1;
    }

    /// The order got its definite answer.
    pub(super) fn order_settled(&self, accepted: bool) {
        let mut tally = self.lock();
        tally.orders_accepted += u64::from(accepted);
        tally.orders_refused += u64::from(!accepted);
    }

    /// A bad request got its definite answer.
    pub(super) fn mistake_settled(&self, accepted: bool) {
        let mut tally = self.lock();
        tally.mistakes_asked += 1;
        tally.mistakes_accepted += u64::from(accepted);
    }

    /// Something arrived while too much was under way.
    pub(super) fn skip(&self) {
        self.lock().skipped += 1;
    }

    /// All of them at this moment.
    pub(super) fn read(&self) -> Tally {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
