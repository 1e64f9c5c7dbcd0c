//! What the relay knows of each route (exchange and routing key): proven, on trial, or refused.
//!
//! The broker answers a message that it refuses by closing the channel, and the confirms of everything in flight are lost
//! with it. So a route is *on trial* until the broker has confirmed a row of it: its rows go one at a time over a channel of
//! their own. Three different rows refused in a row make the route *refused*: its rows stay in the outbox, and one of them is
//! tried again after a growing delay. One refused row among good ones is held by itself.

use crate::outbox::OutboxRow;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Rows refused one after another until the route counts as refused.
const REFUSALS_MAX: u32 = 3;
/// Rows to be confirmed on trial before a route that was in flight when a channel broke is proven again.
const CONFIRMS_AFTER_BREAK: u32 = 8;

/// An exchange and a routing key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub(super) exchange: String,
    pub(super) routing_key: String,
}

/// The decision about a row that is ready.
#[derive(Debug)]
pub(super) enum Admission {
    /// Publish it with the others.
    Open(OutboxRow),
    /// It is kept until its trial.
    OnTrial,
    /// Its route is refused.
    Refused(OutboxRow),
}

#[derive(Debug)]
enum State {
    Proven,
    OnTrial {
        waiting: VecDeque<OutboxRow>,
        confirms_missing: u32,
        refusals: u32,
    },
    Refused {
        refusals: u32,
        retry_at: Instant,
    },
}

/// All routes of one session.
#[derive(Debug, Default)]
pub(super) struct Routes {
    states: HashMap<Route, State>,
    /// Routes of which the broker has refused a row: of each subject one row at a time takes them.
    doubted: HashSet<Route>,
    /// Held rows whose next attempt is due, and rows of refused routes.
    retries: VecDeque<OutboxRow>,
}

impl Route {
    pub(super) fn of(row: &OutboxRow) -> Self {
        Self {
            exchange: row.exchange.clone(),
            routing_key: row.routing_key.clone(),
        }
    }
}

impl Routes {
    /// Decides about a row that is ready.
    pub(super) fn admit(&mut self, row: OutboxRow) -> Admission {
        let state = self.states.entry(Route::of(&row)).or_insert_with(|| on_trial(1));
        match state {
            State::Proven => Admission::Open(row),
            State::OnTrial { waiting, .. } => {
                waiting.push_back(row);
                Admission::OnTrial
            }
            State::Refused { .. } => Admission::Refused(row),
        }
    }

    /// Returns the row's route, if several rows of a subject may take it at once: the broker takes it, and has refused none.
    pub(super) fn open(&self, row: &OutboxRow) -> Option<Route> {
        let route = Route::of(row);
        let is_proven = matches!(self.states.get(&route), Some(State::Proven));
        (is_proven && !self.doubted.contains(&route)).then_some(route)
    }

    /// Adds a row to be tried whatever the state of its route.
    pub(super) fn try_again(&mut self, row: OutboxRow) {
        self.retries.push_back(row);
    }

    /// Takes the next row for the trial channel.
    pub(super) fn next_trial(&mut self) -> Option<OutboxRow> {
        if let Some(row) = self.retries.pop_front() {
            return Some(row);
        }
        self.states.values_mut().find_map(|state| match state {
            State::OnTrial { waiting, .. } => waiting.pop_front(),
            State::Proven | State::Refused { .. } => None,
        })
    }

    /// Notes that a row on trial was confirmed. Returns the rows that need no trial any more, and true if the route was
    /// refused before.
    pub(super) fn confirmed(&mut self, route: &Route) -> (VecDeque<OutboxRow>, bool) {
        match self.states.get_mut(route) {
            Some(State::OnTrial {
                confirms_missing,
                refusals,
                ..
            }) if *confirms_missing > 1 => {
                *confirms_missing -= 1;
                *refusals = 0;
                (VecDeque::new(), false)
            }
            Some(state) => match std::mem::replace(state, State::Proven) {
                State::OnTrial { waiting, .. } => (waiting, false),
                State::Refused { .. } => (VecDeque::new(), true),
                State::Proven => (VecDeque::new(), false),
            },
            None => (VecDeque::new(), false),
        }
    }

    /// Notes that a row was refused; one that was `held` before says nothing new about its route. Returns the rows that waited
    /// for a trial, the refusals so far and the delay until the next trial, if the route is refused now.
    pub(super) fn refused(&mut self, route: &Route, held: bool) -> Option<(VecDeque<OutboxRow>, u32, Duration)> {
        self.doubted.insert(route.clone());
        let state = self.states.entry(route.clone()).or_insert_with(|| on_trial(1));
        if matches!(state, State::Proven) {
            *state = on_trial(1);
        }
        let (waiting, count) = match state {
            State::OnTrial { .. } if held => return None,
            State::OnTrial { refusals, .. } if *refusals + 1 < REFUSALS_MAX => {
                *refusals += 1;
                return None;
            }
            State::OnTrial { waiting, refusals, .. } => (std::mem::take(waiting), *refusals + 1),
            State::Refused { refusals, .. } => (VecDeque::new(), *refusals + 1),
            State::Proven => return None,
        };
        let delay = retry_delay(count - REFUSALS_MAX);
        *state = State::Refused {
            refusals: count,
            retry_at: Instant::now() + delay,
        };
        Some((waiting, count, delay))
    }

    /// Puts the routes of rows that were in flight on a broken channel on trial.
    pub(super) fn suspect(&mut self, route: Route) {
        let state = self.states.entry(route).or_insert(State::Proven);
        if matches!(state, State::Proven) {
            *state = on_trial(CONFIRMS_AFTER_BREAK);
        }
    }

    /// Adds a route that the table says is refused.
    pub(super) fn add_refused(&mut self, route: Route, refusals: u32, after: Duration) {
        let retry_at = Instant::now() + after;
        self.states.insert(route, State::Refused { refusals, retry_at });
    }

    /// Returns a refused route whose next trial is due, and postpones it by a second meanwhile.
    pub(super) fn due(&mut self) -> Option<Route> {
        let now = Instant::now();
        self.states.iter_mut().find_map(|(route, state)| match state {
            State::Refused { retry_at, .. } if *retry_at <= now => {
                *retry_at = now + retry_delay(0);
                Some(route.clone())
            }
            _ => None,
        })
    }

    /// Returns true if the row's route is refused.
    pub(super) fn is_refused(&self, row: &OutboxRow) -> bool {
        matches!(self.states.get(&Route::of(row)), Some(State::Refused { .. }))
    }

    /// Forgets a refused route; its next row is on trial. One that is no longer refused may have rows that wait.
    pub(super) fn forget(&mut self, route: &Route) {
        if matches!(self.states.get(route), Some(State::Refused { .. })) {
            self.states.remove(route);
        }
    }
}

fn on_trial(confirms_missing: u32) -> State {
    State::OnTrial {
        waiting: VecDeque::new(),
        confirms_missing,
        refusals: 0,
    }
}

/// 1 s, 2 s, 4 s … up to 64 s.
fn retry_delay(refusals: u32) -> Duration {
    Duration::from_secs(1 << refusals.min(6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::tests::row;
    use uuid::Uuid;

    fn rows(count: i64) -> impl Iterator<Item = OutboxRow> {
        (1..=count).map(|id| row(id, Uuid::from_u128(id.unsigned_abs().into())))
    }

    #[test]
    fn a_route_is_open_once_the_broker_has_confirmed_a_row_of_it() {
        let mut routes = Routes::default();
        for row in rows(3) {
            assert!(matches!(routes.admit(row), Admission::OnTrial));
        }
        let first = routes.next_trial().unwrap();
        let (freed, _) = routes.confirmed(&Route::of(&first));
        assert_eq!(freed.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 3]);
        assert!(matches!(routes.admit(first), Admission::Open(_)));
    }

    #[test]
    fn a_route_on_trial_is_not_forgotten_with_its_rows() {
        let mut routes = Routes::default();
        let waiting = row(1, Uuid::nil());
        let route = Route::of(&waiting);
        routes.admit(waiting);
        routes.forget(&route);
        assert_eq!(routes.next_trial().unwrap().id, 1);
    }

    #[test]
    fn three_refused_rows_make_a_refused_route_and_one_among_good_ones_does_not() {
        let mut routes = Routes::default();
        let route = Route::of(&row(1, Uuid::nil()));
        for _ in 0..10 {
            assert!(routes.refused(&route, false).is_none());
            routes.confirmed(&route);
        }
        assert!(routes.refused(&route, false).is_none() && routes.refused(&route, false).is_none());
        let (_, refusals, delay) = routes.refused(&route, false).unwrap();
        assert_eq!((refusals, delay), (3, Duration::from_secs(1)));
        assert!(matches!(routes.admit(row(1, Uuid::nil())), Admission::Refused(_)));
        assert!(routes.is_refused(&row(2, Uuid::nil())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_route_is_tried_again_after_delays_that_grow_to_a_minute() {
        let mut routes = Routes::default();
        let route = Route::of(&row(1, Uuid::nil()));
        routes.add_refused(route.clone(), 3, Duration::from_secs(1));
        let mut delays = Vec::new();
        for _ in 0..8 {
            let started = Instant::now();
            while routes.due().is_none() {
                tokio::time::advance(Duration::from_millis(100)).await;
            }
            delays.push(started.elapsed().as_secs());
            routes.refused(&route, false);
        }
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 64]);
        assert!(routes.confirmed(&route).1, "and is open after one confirm");
        assert!(matches!(routes.admit(row(1, Uuid::nil())), Admission::Open(_)));
    }
}
