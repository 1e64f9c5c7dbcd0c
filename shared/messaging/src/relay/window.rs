//! The window: the rows that the relay has read, in the order in which they may be published.
//!
//! The rows of a key (their subject) are a [`Series`], which keeps them in order over a nack, a return and a change of leader.
//! The keys take turns.

use super::{
    routes::Route,
    series::{Ended, Series},
};
use crate::outbox::OutboxRow;
use std::collections::{HashMap, HashSet, VecDeque};
use uuid::Uuid;

/// Rows that wait here; reading pauses above it.
const WAITING_MAX: usize = 500;
/// Rows that are here in any state, those that are confirmed and not marked among them.
const KNOWN_MAX: usize = 4_000;

/// The rows between the outbox's table and the broker.
#[derive(Debug, Default)]
pub(super) struct Window {
    series: HashMap<Uuid, Series>,
    /// Keys with a row that may be sent.
    ready: VecDeque<Uuid>,
    /// Keys with a row that is held in the table, or whose route is refused: nothing of them is added.
    blocked: HashSet<Uuid>,
    /// Rows here, and rows confirmed but not marked yet: reading leaves them out.
    known: HashSet<i64>,
    /// Rows marked since the last read began, which may still see them.
    marked: HashSet<i64>,
    unmarked: HashMap<i32, usize>,
    rows: usize,
}

impl Window {
    /// Returns true if more rows should be read.
    pub(super) fn has_room(&self) -> bool {
        self.rows < WAITING_MAX && self.known.len() < KNOWN_MAX
    }

    /// Returns true if no row is here, waiting, in flight or unmarked.
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Returns the ids above `after` that a read must leave out, and begins to remember what is marked during it.
    pub(super) fn begin_read(&mut self, after: i64) -> Vec<i64> {
        self.marked.clear();
        self.known.iter().copied().filter(|id| *id > after).collect()
    }

    /// Adds rows that were read, in the order of their ids. A row that is held or refused blocks its key.
    pub(super) fn add(&mut self, rows: Vec<OutboxRow>, is_refused: impl Fn(&OutboxRow) -> bool) {
        for row in rows {
            let key = row.key();
            if self.blocked.contains(&key) || self.known.contains(&row.id) || self.marked.contains(&row.id) {
                continue;
            }
            if row.held || is_refused(&row) {
                self.blocked.insert(key);
                continue;
            }
            self.remember(&row);
            self.rows += 1;
            let series = self.series.entry(key).or_default();
            series.push(row);
            list(&mut self.ready, key, series);
        }
    }

    /// Takes a held row over for a trial; `false` if rows of its key are in flight, or come first.
    pub(super) fn take_over(&mut self, row: &OutboxRow) -> bool {
        let is_free = self
            .series
            .get(&row.key())
            .is_none_or(|series| series.is_free_for(row.id));
        if !is_free || self.known.contains(&row.id) {
            return false;
        }
        self.series.entry(row.key()).or_default().send_alone(row.id);
        self.remember(row);
        true
    }

    /// Returns true if keys are blocked.
    pub(super) fn has_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Unblocks all keys. A pass over the whole table must follow, which blocks those again that still must wait.
    pub(super) fn unblock(&mut self) {
        self.blocked.clear();
    }

    /// Takes the next row to be published; its flight ends by [`Self::confirmed`], [`Self::release`] or [`Self::hold`].
    /// `open` gives the route of a row if several rows of a key may take it at once.
    pub(super) fn take(&mut self, open: impl Fn(&OutboxRow) -> Option<Route>) -> Option<OutboxRow> {
        while let Some(key) = self.ready.pop_front() {
            let Some(series) = self.series.get_mut(&key) else {
                continue;
            };
            series.is_listed = false;
            if let Some(row) = series.send(&open) {
                self.rows -= 1;
                list(&mut self.ready, key, series);
                return Some(row);
            }
        }
        None
    }

    /// Ends a row's flight with a confirm. Returns the rows, by id and shard, that are confirmed now with all those before
    /// them. They stay known until they are marked.
    pub(super) fn confirmed(&mut self, row: OutboxRow) -> Vec<(i64, i32)> {
        let left = self.end(row.key(), |series| series.confirm(row)).left;
        left.into_iter().map(|row| (row.id, row.shard)).collect()
    }

    /// Ends a row's flight without an outcome: it is sent again, and what was sent behind it.
    pub(super) fn release(&mut self, row: OutboxRow) {
        self.end(row.key(), |series| series.fail(row, false));
    }

    /// Ends a row's flight with a refusal: those behind it are forgotten, and read again when it is due. Returns `false` if an
    /// earlier one has failed; the row then waits behind that.
    pub(super) fn hold(&mut self, row: OutboxRow) -> bool {
        let key = row.key();
        let is_held = self.end(key, |series| series.fail(row, true)).is_held;
        if is_held {
            self.blocked.insert(key);
        }
        is_held
    }

    /// Forgets waiting rows that `unwanted` names, and those behind them, and blocks their keys.
    pub(super) fn forget_waiting(&mut self, unwanted: impl Fn(&OutboxRow) -> bool) {
        let all = self.series.values_mut();
        let forgotten: Vec<OutboxRow> = all.flat_map(|series| series.forget_waiting(&unwanted)).collect();
        self.series.retain(|_, series| !series.is_empty());
        self.rows -= forgotten.len();
        for row in forgotten {
            self.blocked.insert(row.key());
            self.forget(row.id, row.shard);
        }
    }

    /// Forgets rows that are marked in the table.
    pub(super) fn marked(&mut self, rows: &[(i64, i32)]) {
        for (id, shard) in rows {
            self.forget(*id, *shard);
            self.marked.insert(*id);
        }
    }

    /// Returns true if a row of the shard is here, in flight or unmarked.
    pub(super) fn holds_shard(&self, shard: i32) -> bool {
        self.unmarked.get(&shard).is_some_and(|rows| *rows > 0)
    }

    fn end(&mut self, key: Uuid, end: impl FnOnce(&mut Series) -> Ended) -> Ended {
        let Some(series) = self.series.get_mut(&key) else {
            return Ended::default();
        };
        let waited = series.waits();
        let ended = end(series);
        self.rows = self.rows + series.waits() - waited;
        list(&mut self.ready, key, series);
        if series.is_empty() {
            self.series.remove(&key);
        }
        for row in &ended.forgotten {
            self.forget(row.id, row.shard);
        }
        ended
    }

    fn remember(&mut self, row: &OutboxRow) {
        self.known.insert(row.id);
        *self.unmarked.entry(row.shard).or_default() += 1;
    }

    fn forget(&mut self, id: i64, shard: i32) {
        if self.known.remove(&id)
            && let Some(rows) = self.unmarked.get_mut(&shard)
        {
            *rows -= 1;
        }
    }
}

/// Lists a key that has a row to be sent.
fn list(ready: &mut VecDeque<Uuid>, key: Uuid, series: &mut Series) {
    if series.has_next() && !series.is_listed {
        series.is_listed = true;
        ready.push_back(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::tests::row;

    fn none(_: &OutboxRow) -> bool {
        false
    }

    fn closed(_: &OutboxRow) -> Option<Route> {
        None
    }

    fn ids(rows: &[OutboxRow]) -> Vec<(i64, i32)> {
        rows.iter().map(|row| (row.id, row.shard)).collect()
    }

    #[test]
    fn of_a_subject_one_row_is_in_flight_and_the_others_follow_in_order() {
        let mut window = Window::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        window.add(vec![row(1, a), row(2, a), row(3, b)], none);
        let (first, other) = (window.take(closed).unwrap(), window.take(closed).unwrap());
        assert_eq!((first.id, other.id), (1, 3));
        assert!(window.take(closed).is_none(), "row 2 waits for the confirm of row 1");
        window.release(first);
        let again = window.take(closed).unwrap();
        assert_eq!(again.id, 1, "a row without an outcome comes before the later ones");
        window.confirmed(again);
        assert_eq!(window.take(closed).unwrap().id, 2);
    }

    #[test]
    fn a_refused_row_takes_the_later_ones_of_its_subject_with_it() {
        let mut window = Window::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        window.add(vec![row(1, a), row(2, a), row(3, b)], none);
        let refused = window.take(closed).unwrap();
        window.hold(refused);
        assert_eq!(window.take(closed).unwrap().id, 3);
        assert!(window.take(closed).is_none());
        assert_eq!(window.begin_read(0), vec![3], "rows 1 and 2 can be read again");
        window.add(vec![row(4, a)], none);
        assert!(window.take(closed).is_none(), "nothing overtakes the refused row");
        window.unblock();
        window.add(vec![row(1, a), row(2, a)], |row| row.id == 1);
        assert!(
            window.take(closed).is_none() && window.has_blocked(),
            "its route is refused still"
        );
    }

    #[test]
    fn a_subject_that_was_forgotten_and_read_again_has_one_row_in_flight() {
        let mut window = Window::default();
        let a = Uuid::from_u128(1);
        window.add(vec![row(1, a), row(2, a)], none);
        window.forget_waiting(|_| true);
        window.unblock();
        window.add(vec![row(1, a), row(2, a)], none);
        assert_eq!(window.take(closed).unwrap().id, 1);
        assert!(window.take(closed).is_none());
    }

    #[test]
    fn a_row_that_is_confirmed_or_marked_during_a_read_is_not_added_again() {
        let mut window = Window::default();
        window.add(vec![row(1, Uuid::from_u128(1))], none);
        let sent = window.take(closed).unwrap();
        assert_eq!(window.begin_read(0), vec![1]);
        window.confirmed(sent.clone());
        window.add(vec![sent.clone()], none);
        assert!(window.take(closed).is_none(), "confirmed and not marked");
        window.marked(&ids(std::slice::from_ref(&sent)));
        window.add(vec![sent.clone()], none);
        assert!(window.take(closed).is_none(), "marked while the read was under way");
        assert!(window.is_empty() && !window.holds_shard(sent.shard));
    }

    #[test]
    fn rows_of_a_refused_key_are_forgotten_with_those_behind_them() {
        let mut window = Window::default();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        window.add(vec![row(1, a), row(2, a), row(3, a), row(4, b)], none);
        window.forget_waiting(|row| row.id == 2);
        let first = window.take(closed).unwrap();
        assert_eq!((first.id, window.take(closed).unwrap().id), (1, 4));
        window.confirmed(first);
        assert!(window.take(closed).is_none(), "row 3 must not overtake row 2");
    }
}
