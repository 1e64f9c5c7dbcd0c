//! Live counters of the clients' requests.

use super::request::{Outcome, RecordedRequest};
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters at one moment; the difference of two covers the time between them.
///
/// A try counts once, however many gateways had to be asked for a connection. The success rate of the API in a window is
/// `first_tries_good / (first_tries - first_tries_throttled)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tally {
    /// Tries that have ended, whether recorded in the history or not.
    pub(crate) requests: u64,
    pub(crate) answered_2xx: u64,
    /// Answers 3xx and 4xx, except 429.
    pub(crate) refused_4xx: u64,
    pub(crate) throttled_429: u64,
    pub(crate) failed_5xx: u64,
    /// Tries without an answer, including those without a connection.
    pub(crate) unanswered: u64,
    /// Requests that were tried at least once.
    pub(crate) first_tries: u64,
    /// First tries with a right answer: 2xx, or the 4xx that a platform without faults would give.
    pub(crate) first_tries_good: u64,
    /// First tries answered 429, which is no failure.
    pub(crate) first_tries_throttled: u64,
    /// Orders that a client submitted, each counted once.
    pub(crate) orders_submitted: u64,
    pub(crate) orders_accepted: u64,
    /// Orders with a definite refusal.
    pub(crate) orders_refused: u64,
    /// Deliberately bad requests that have been answered.
    pub(crate) bad_requests: u64,
    /// Bad requests without the refusal that they must get.
    pub(crate) bad_requests_not_refused: u64,
    /// Actions that arrived while too many were in progress.
    pub(crate) skipped: u64,
}

/// The counters, shared by all clients.
#[derive(Debug, Default)]
pub(super) struct Counters {
    tally: Mutex<Tally>,
}

impl Counters {
    /// Counts a try that has ended.
    pub(super) fn count_try(&self, request: &RecordedRequest, outcome: &Outcome, is_first: bool) {
        let status = match outcome {
            Outcome::Answered(answer) => Some(answer.status.as_u16()),
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
            tally.first_tries_good += u64::from(status.is_some_and(|status| request.expects(status)));
        }
    }

    /// Counts something beside tries.
    pub(super) fn update(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut self.lock());
    }

    pub(super) fn read(&self) -> Tally {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
