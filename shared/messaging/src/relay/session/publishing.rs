//! Publishing, and the outcomes of confirms and trials.

use super::Session;
use crate::{
    broker::BrokerError,
    outbox::OutboxRow,
    relay::{
        error::RelayError,
        fates::Fate,
        message::{Completion, publish, unwritable},
        routes::{Admission, Route},
        trial::{self, Trial},
    },
};
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::time::Instant;

/// Publishes without a confirm.
const IN_FLIGHT_MAX: usize = 500;
/// Time without any confirm or new channel, while one is awaited and the broker is not blocked, after which it counts as
/// unavailable.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

impl Session {
    /// Publishes as many rows as may be in flight. Nothing leaves a blocked connection, so nothing is handed to it.
    pub(super) fn fill(&mut self) {
        if self.broker.publishing.is_blocked() || !self.channel.status().connected() {
            return;
        }
        while self.in_flight.len() < IN_FLIGHT_MAX
            && let Some(row) = self.window.take(|row| self.routes.open(row))
        {
            if let Some(reason) = unwritable(&row) {
                self.hold(row, reason);
                continue;
            }
            match self.routes.admit(row) {
                Admission::Open(row) => {
                    if self.in_flight.is_empty() {
                        self.progress = Instant::now();
                    }
                    let number = self.fates.sent();
                    let source = self.database.service();
                    self.in_flight.push(publish(self.channel.clone(), number, row, source));
                }
                Admission::OnTrial => {}
                Admission::Refused(row) => drop(self.window.hold(row)),
            }
        }
    }

    pub(super) fn start_trial(&mut self) {
        if self.trial.is_some() || self.broker.publishing.is_blocked() {
            return;
        }
        if let Some(row) = self.routes.next_trial() {
            self.progress = Instant::now();
            let (channel, broker) = (self.trial_channel.take(), self.broker.clone());
            self.trial = Some(trial::run(channel, broker, row, self.database.service()));
        }
    }

    /// Fails if the broker has given no answer for too long.
    pub(super) fn check_progress(&self) -> Result<(), BrokerError> {
        let awaits = !self.in_flight.is_empty() || self.trial.is_some() || self.opening.is_some();
        if awaits && !self.broker.publishing.is_blocked() && self.progress.elapsed() > CONFIRM_TIMEOUT {
            return Err(BrokerError::Timeout(CONFIRM_TIMEOUT));
        }
        Ok(())
    }

    pub(super) fn completed(&mut self, first: Completion) -> Result<(), RelayError> {
        self.progress = Instant::now();
        let mut next = Some(first);
        while let Some(completion) = next {
            for fate in self.fates.complete(completion) {
                self.decide(fate)?;
            }
            next = self.in_flight.next().now_or_never().flatten();
        }
        Ok(())
    }

    fn decide(&mut self, fate: Fate) -> Result<(), RelayError> {
        match fate {
            Fate::Published(row) => self.published(row),
            // One of those that were in flight when their route was refused: it says nothing new, and waits with the route.
            Fate::Refused(row, _) if self.routes.is_refused(&row) => drop(self.window.hold(row)),
            Fate::Refused(row, reason) => self.refuse(row, reason),
            Fate::Unknown(row, error) => {
                if !error.is_about_the_message() {
                    return Err(error.into());
                }
                self.routes.suspect(Route::of(&row));
                self.window.release(row);
            }
        }
        Ok(())
    }

    fn published(&mut self, row: OutboxRow) {
        self.confirmed.extend(self.window.confirmed(row));
    }

    pub(super) fn tried(&mut self, trial: Trial) -> Result<(), RelayError> {
        let Trial { channel, row, outcome } = trial;
        self.trial_channel = channel;
        match outcome {
            Ok(None) => {
                let (route, was_held) = (Route::of(&row), row.held);
                self.published(row);
                let (freed, was_refused) = self.routes.confirmed(&route);
                for row in freed {
                    self.window.release(row);
                }
                if was_refused {
                    self.accept(route);
                }
                // The later rows of its subject may go on.
                if was_held {
                    self.pass.want_full();
                }
            }
            Ok(Some(reason)) => self.refuse(row, reason),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    pub(super) fn accept(&mut self, route: Route) {
        tracing::info!(
            code = "outbox.route_accepted",
            routing_key = route.routing_key,
            "The broker takes a refused route again"
        );
        self.request.accepted.push(route);
        self.pass.want_full();
    }

    /// Holds back a row that the broker refused, or its whole route if it is not the first.
    fn refuse(&mut self, row: OutboxRow, reason: String) {
        let route = Route::of(&row);
        let Some((waiting, refusals, retry_after)) = self.routes.refused(&route, row.held) else {
            return self.hold(row, reason);
        };
        tracing::error!(
            code = "outbox.route_refused",
            routing_key = route.routing_key,
            reason,
            "Route refused by the broker; its events wait in the outbox"
        );
        self.window.hold(row);
        for row in waiting {
            self.window.hold(row);
        }
        self.window.forget_waiting(|row| Route::of(row) == route);
        self.request.refused.push((route, refusals, retry_after, reason));
    }

    /// Holds back one row, and the later ones of its subject. One that an earlier row of its subject has failed before is
    /// sent again behind that.
    pub(super) fn hold(&mut self, row: OutboxRow, reason: String) {
        let (id, event_id, routing_key) = (row.id, row.event_id, row.routing_key.clone());
        if !self.window.hold(row) {
            return;
        }
        tracing::error!(
            code = "outbox.refused",
            routing_key,
            event.id = %event_id,
            reason,
            "Event refused by the broker; held back"
        );
        metrics::counter!("outbox_refused_total").increment(1);
        self.request.holds.push((id, reason));
    }
}
