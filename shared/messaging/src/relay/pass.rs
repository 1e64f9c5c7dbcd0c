//! The passes of reading over the outbox's ids.
//!
//! A pass reads from a low mark to the end. The low mark keeps it from walking over what was published before, which stays in
//! the index as long as any snapshot in the database is older. It rises only when every transaction that could still commit a
//! row below it has ended. A *full* pass starts at the beginning: at first, now and then, and when held rows may go on.

use super::table::Horizon;
use std::time::Duration;
use tokio::time::Instant;

/// Interval of full passes without a reason.
const FULL_INTERVAL: Duration = Duration::from_mins(1);
/// A full pass waits for this multiple of the duration of the last one, so that full passes take a limited part of the time.
const FULL_PAUSE: u32 = 10;

/// The position of reading.
#[derive(Debug)]
pub(super) struct Pass {
    /// The next read begins above it; `None` between passes.
    position: Option<i64>,
    low: i64,
    next_low: i64,
    /// The highest id at an earlier moment, and the first transaction that had not begun to write a moment later: a transaction
    /// that had taken one of these ids is older.
    candidate: Option<(i64, Option<i64>)>,
    full_wanted: bool,
    full_began: Instant,
    full_took: Duration,
    is_full: bool,
}

impl Pass {
    pub(super) fn new() -> Self {
        Self {
            position: None,
            low: 0,
            next_low: 0,
            candidate: None,
            full_wanted: true,
            full_began: Instant::now(),
            full_took: Duration::ZERO,
            is_full: false,
        }
    }

    /// Asks for a full pass.
    pub(super) fn want_full(&mut self) {
        self.full_wanted = true;
    }

    /// Ends the pass; the next one starts at the beginning. Shards were gained whose rows were not read.
    pub(super) fn restart(&mut self) {
        *self = Self::new();
    }

    /// Ends the pass where it is.
    pub(super) fn end(&mut self) {
        self.position = None;
    }

    /// Returns true if a pass is under way.
    pub(super) fn is_under_way(&self) -> bool {
        self.position.is_some()
    }

    /// Returns the position of the next read.
    pub(super) fn position(&self) -> i64 {
        self.position.unwrap_or(self.low)
    }

    /// Begins a pass. Returns true if it is a full one.
    pub(super) fn begin(&mut self) -> bool {
        let since = self.full_began.elapsed();
        let rested = since >= self.full_took * FULL_PAUSE;
        self.is_full = self.full_wanted && rested || since >= FULL_INTERVAL;
        if self.is_full {
            self.full_wanted = false;
            self.full_began = Instant::now();
        }
        self.position = Some(if self.is_full { 0 } else { self.low });
        self.is_full
    }

    /// Takes in what was certain just before the first read of the pass.
    pub(super) fn observe(&mut self, horizon: Horizon) {
        self.next_low = self.low;
        self.candidate = match self.candidate {
            Some((last_id, None)) => Some((last_id, Some(horizon.next))),
            Some((last_id, Some(next))) if horizon.xmin >= next => {
                self.next_low = last_id;
                Some((horizon.last_id, None))
            }
            Some(waiting) => Some(waiting),
            None => Some((horizon.last_id, None)),
        };
    }

    /// Goes on behind the last row read, or ends the pass where there was nothing more.
    pub(super) fn advance(&mut self, last_id: Option<i64>, is_more: bool) {
        if let (Some(last_id), true) = (last_id, is_more) {
            self.position = Some(last_id);
            return;
        }
        self.position = None;
        self.low = self.next_low;
        if self.is_full {
            self.full_took = self.full_began.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn horizon(last_id: i64, xmin: i64, next: i64) -> Horizon {
        Horizon { last_id, xmin, next }
    }

    #[tokio::test(start_paused = true)]
    async fn the_low_mark_waits_for_every_transaction_that_may_still_commit_below_it() {
        let mut pass = Pass::new();
        assert!(pass.begin(), "the first pass is a full one");
        pass.observe(horizon(100, 7, 8));
        pass.advance(Some(100), false);
        // Transactions 7 and 8 still run, and may have taken ids 50 and 100.
        for horizon in [horizon(110, 7, 9), horizon(120, 8, 12)] {
            assert!(!pass.begin());
            pass.observe(horizon);
            pass.advance(None, false);
            assert_eq!(pass.position(), 0);
        }
        // They have ended; this pass still reads from below their rows, the next one from above.
        pass.begin();
        pass.observe(horizon(130, 9, 12));
        assert_eq!(pass.position(), 0);
        pass.advance(None, false);
        pass.begin();
        assert_eq!(pass.position(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn full_passes_that_take_long_are_rare() {
        let mut pass = Pass::new();
        pass.begin();
        tokio::time::advance(Duration::from_secs(2)).await;
        pass.advance(None, false);
        pass.want_full();
        assert!(!pass.begin());
        pass.advance(None, false);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(pass.begin());
    }
}
