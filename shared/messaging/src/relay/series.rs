//! A series: the rows of one subject, in their order.
//!
//! Several rows of a subject are in flight at once only on one channel and by one route that the broker takes. It handles
//! them in the order in which they were sent, and what it refuses by closing the channel ends the later ones too. A row
//! *leaves* when it and all those before it are confirmed; what was in flight behind a row that failed is sent again.

use super::routes::Route;
use crate::outbox::OutboxRow;
use std::collections::VecDeque;

/// Rows of one subject in flight.
pub(super) const IN_FLIGHT_MAX: usize = 32;

/// The rows of one key.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Rows to be published, by id.
    waiting: VecDeque<OutboxRow>,
    /// Rows in flight, in the order of publishing.
    sent: VecDeque<Sent>,
    /// The route of the rows in flight, if others may follow them.
    followed: Option<Route>,
    /// The first of the rows in flight that has failed: those behind it are sent again, behind it.
    failed: Option<i64>,
    /// The first that is held back: those behind it are forgotten, and read again once it is confirmed.
    held: Option<i64>,
    /// True while its key is among the ready ones.
    pub(super) is_listed: bool,
}

#[derive(Debug)]
struct Sent {
    id: i64,
    /// The row, once it is confirmed.
    confirmed: Option<OutboxRow>,
}

/// What became of rows whose flight has ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Confirmed, like all those before them.
    pub(super) left: Vec<OutboxRow>,
    /// To be read again behind a row that is held.
    pub(super) forgotten: Vec<OutboxRow>,
    /// True if the row is held back itself, not only forgotten behind an earlier one.
    pub(super) is_held: bool,
}

impl Series {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    /// Returns the number of rows that wait.
    pub(super) fn waits(&self) -> usize {
        self.waiting.len()
    }

    /// Returns true if a row may be sent over another channel: nothing is in flight, and no earlier row waits.
    pub(super) fn is_free_for(&self, id: i64) -> bool {
        self.sent.is_empty() && self.waiting.front().is_none_or(|first| id < first.id)
    }

    /// Returns true if a row may be ready; [`Self::send`] decides.
    pub(super) fn has_next(&self) -> bool {
        !self.waiting.is_empty() && self.failed.is_none() && self.sent.len() < IN_FLIGHT_MAX
    }

    pub(super) fn push(&mut self, row: OutboxRow) {
        self.waiting.push_back(row);
    }

    /// Takes the next row, if it may be sent now. `open` gives the route of a row if several may take it at once.
    pub(super) fn send(&mut self, open: impl Fn(&OutboxRow) -> Option<Route>) -> Option<OutboxRow> {
        let row = self.waiting.front().filter(|_| self.has_next())?;
        // Copies of one dead letter have one message id, by which a return is matched.
        let route = row.subject.and_then(|_| open(row));
        if !self.sent.is_empty() && (route.is_none() || route != self.followed) {
            return None;
        }
        self.followed = route;
        let row = self.waiting.pop_front()?;
        self.sent.push_back(Sent {
            id: row.id,
            confirmed: None,
        });
        Some(row)
    }

    /// Notes a row that is sent over another channel: nothing may follow it.
    pub(super) fn send_alone(&mut self, id: i64) {
        self.followed = None;
        self.sent.push_back(Sent { id, confirmed: None });
    }

    /// Ends a row's flight with a confirm.
    pub(super) fn confirm(&mut self, row: OutboxRow) -> Ended {
        let mut ended = Ended::default();
        if self.failed.is_some_and(|failed| failed < row.id) {
            self.drop_sent(row.id);
            self.give_back(row, &mut ended);
        } else if let Some(sent) = self.sent.iter_mut().find(|sent| sent.id == row.id) {
            sent.confirmed = Some(row);
        }
        while let Some(row) = self.sent.front_mut().and_then(|sent| sent.confirmed.take()) {
            self.sent.pop_front();
            ended.left.push(row);
        }
        self.settle();
        ended
    }

    /// Ends a row's flight without a confirm. It is held back, unless an earlier one has failed, or it waits to be sent again.
    pub(super) fn fail(&mut self, row: OutboxRow, is_held: bool) -> Ended {
        let mut ended = Ended::default();
        if !self.drop_sent(row.id) {
            return ended;
        }
        if self.failed.is_none_or(|failed| row.id < failed) {
            self.failed = Some(row.id);
            if is_held {
                self.held = Some(row.id);
                ended.is_held = true;
                ended.forgotten.extend(self.waiting.drain(..));
            }
            self.give_back_behind(row.id, &mut ended);
        }
        self.give_back(row, &mut ended);
        self.settle();
        ended
    }

    /// Forgets the rows from the first waiting one that `unwanted` names.
    pub(super) fn forget_waiting(&mut self, unwanted: impl Fn(&OutboxRow) -> bool) -> Vec<OutboxRow> {
        match self.waiting.iter().position(unwanted) {
            Some(first) => self.waiting.drain(first..).collect(),
            None => Vec::new(),
        }
    }

    fn drop_sent(&mut self, id: i64) -> bool {
        let position = self.sent.iter().position(|sent| sent.id == id);
        position.is_some_and(|position| self.sent.remove(position).is_some())
    }

    /// Gives back what was confirmed behind a row that has failed.
    fn give_back_behind(&mut self, id: i64, ended: &mut Ended) {
        let behind = self.sent.iter_mut().filter(|sent| sent.id > id);
        let behind: Vec<OutboxRow> = behind.filter_map(|sent| sent.confirmed.take()).collect();
        for row in behind {
            self.drop_sent(row.id);
            self.give_back(row, ended);
        }
    }

    fn give_back(&mut self, row: OutboxRow, ended: &mut Ended) {
        if self.held.is_some_and(|held| held <= row.id) {
            ended.forgotten.push(row);
        } else {
            let position = self.waiting.partition_point(|waiting| waiting.id < row.id);
            self.waiting.insert(position, row);
        }
    }

    fn settle(&mut self) {
        if self.sent.is_empty() {
            (self.failed, self.held) = (None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::tests::row;
    use uuid::Uuid;

    fn series(rows: i64) -> Series {
        let mut series = Series::default();
        (1..=rows).for_each(|id| series.push(row(id, Uuid::from_u128(1))));
        series
    }

    #[expect(clippy::unnecessary_wraps, reason = "the signature of a route that may be closed")]
    fn open(row: &OutboxRow) -> Option<Route> {
        Some(Route::of(row))
    }

    fn send(series: &mut Series, count: usize) -> Vec<OutboxRow> {
        (0..count).map(|_| series.send(open).unwrap()).collect()
    }

    fn ids(rows: &[OutboxRow]) -> Vec<i64> {
        rows.iter().map(|row| row.id).collect()
    }

    #[test]
    fn rows_follow_one_another_on_one_open_route_only() {
        let mut series = series(2);
        let mut other = row(3, Uuid::from_u128(1));
        other.routing_key = "ticket.torn".to_owned();
        series.push(other);
        let sent = send(&mut series, 2);
        assert!(
            series.send(open).is_none(),
            "another route may lose the earlier rows and take this one"
        );
        for row in sent {
            series.confirm(row);
        }
        assert_eq!(series.send(|_| None).unwrap().id, 3);
        series.push(row(4, Uuid::from_u128(1)));
        assert!(series.send(|_| None).is_none() && series.send(open).is_none());
    }

    #[test]
    fn no_more_rows_are_in_flight_than_allowed_and_none_behind_one_on_another_channel() {
        let mut many = series(40);
        send(&mut many, IN_FLIGHT_MAX);
        assert!(!many.has_next() && many.send(open).is_none());
        let mut series = series(0);
        series.send_alone(1);
        series.push(row(2, Uuid::from_u128(1)));
        assert!(series.send(open).is_none());
    }

    #[test]
    fn copies_of_one_dead_letter_go_one_by_one() {
        let mut series = Series::default();
        for id in 1..=2 {
            series.push(OutboxRow {
                subject: None,
                ..row(id, Uuid::from_u128(1))
            });
        }
        assert!(series.send(open).is_some() && series.send(open).is_none());
    }

    #[test]
    fn a_row_leaves_after_those_before_it() {
        let mut series = series(3);
        let [one, two, three] = send(&mut series, 3).try_into().unwrap();
        assert!(series.confirm(two).left.is_empty());
        assert_eq!(ids(&series.confirm(one).left), [1, 2]);
        assert_eq!(ids(&series.confirm(three).left), [3]);
        assert!(series.is_empty());
    }

    #[test]
    fn behind_a_held_row_nothing_leaves_and_nothing_is_held() {
        let mut series = series(6);
        let [one, two, three, four, five] = send(&mut series, 5).try_into().unwrap();
        assert!(series.confirm(three).left.is_empty());
        let ended = series.fail(two, true);
        assert!(ended.is_held);
        assert_eq!(
            ids(&ended.forgotten),
            [6, 3, 2],
            "waiting, confirmed, and the row itself"
        );
        let ended = series.fail(four, true);
        assert_eq!((ended.is_held, ids(&ended.forgotten)), (false, vec![4]));
        assert!(!series.has_next());
        let ended = series.confirm(five);
        assert_eq!((ids(&ended.left), ids(&ended.forgotten)), (vec![], vec![5]));
        assert_eq!(ids(&series.confirm(one).left), [1], "it came before");
        assert!(series.is_empty());
    }

    #[test]
    fn from_a_row_without_an_outcome_on_all_are_sent_again_in_order() {
        let mut series = series(5);
        let [one, two, three, four] = send(&mut series, 4).try_into().unwrap();
        series.confirm(one);
        assert!(series.confirm(four).left.is_empty());
        series.fail(three, false);
        assert!(series.send(open).is_none(), "row 2 is in flight still");
        series.fail(two, false);
        assert_eq!(ids(&send(&mut series, 4)), [2, 3, 4, 5]);
    }

    #[test]
    fn a_row_without_an_outcome_before_a_held_one_is_sent_before_that() {
        let mut series = series(3);
        let [one, two, three] = send(&mut series, 3).try_into().unwrap();
        assert!(series.fail(two, true).is_held);
        assert!(series.fail(one, false).forgotten.is_empty());
        assert_eq!(ids(&series.confirm(three).forgotten), [3]);
        assert!(!series.is_free_for(2), "row 1 comes first");
        let one = series.send(open).unwrap();
        assert_eq!(ids(&series.confirm(one).left), [1]);
    }
}
