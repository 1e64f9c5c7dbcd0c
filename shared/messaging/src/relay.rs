//! The relay: publishes the outbox, and deletes a row only after the broker has confirmed that very row.
//!
//! The rows are divided into shards by their subject. Each instance that can publish takes its part of the shards
//! ([`shards`]) and publishes their rows in a sliding window ([`window`]), those of each subject in order ([`series`]). Reading, publishing and marking overlap ([`session`]).

mod error;
mod fates;
mod message;
mod pass;
mod peers;
mod routes;
mod series;
mod session;
mod shards;
mod state;
mod table;
mod trial;
mod turn;
mod window;

use crate::broker::Broker;
use database::Database;
use error::RelayError;
use futures_util::future::BoxFuture;
use kernel::chain;
use session::Session;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use state::RelayReport;
use state::RelayState;

/// Delays after an interruption. The least is longer than a tick of the other members, which take the shards meanwhile.
const BACKOFF_MIN: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Interval at which an instance tries to become a member while another release publishes.
const JOIN_INTERVAL: Duration = Duration::from_millis(500);

/// The background task that publishes one service's outbox.
#[derive(Debug, Clone)]
pub struct Relay {
    database: Database,
    broker: Broker,
    state: Arc<RelayState>,
}

impl Relay {
    /// Creates the relay of `database`'s outbox.
    pub fn new(database: Database, broker: Broker) -> Self {
        Self {
            database,
            broker,
            state: Arc::default(),
        }
    }

    /// Returns what this instance publishes at the moment.
    pub fn report(&self) -> RelayReport {
        self.state.report()
    }

    /// Publishes until `stop`. The future is boxed, so that it is compiled here and not in each service.
    pub fn run<'a>(&'a self, stop: &'a CancellationToken) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            tokio::join!(self.publish(stop), peers::run(&self.database, &self.state, stop));
        })
    }

    async fn publish(&self, stop: &CancellationToken) {
        let mut backoff = BACKOFF_MIN;
        while !stop.is_cancelled() {
            let started = Instant::now();
            let delay = match self.session(stop).await {
                Ok(()) => JOIN_INTERVAL,
                Err(error) => {
                    self.state.left();
                    tracing::warn!(
                        code = "relay.restarted",
                        error = chain(&error),
                        "Relay interrupted; its shards are free for other instances"
                    );
                    backoff = if started.elapsed() > BACKOFF_MAX {
                        BACKOFF_MIN
                    } else {
                        (backoff * 2).min(BACKOFF_MAX)
                    };
                    backoff
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(delay)).await;
        }
    }

    async fn session(&self, stop: &CancellationToken) -> Result<(), RelayError> {
        match Session::begin(&self.database, &self.broker, &self.state, stop).await? {
            Some(session) => session.run(stop).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::outbox::OutboxRow;
    use uuid::Uuid;

    /// Creates a row of one route.
    pub(super) fn row(id: i64, subject: Uuid) -> OutboxRow {
        OutboxRow {
            id,
            event_id: kernel::id::new(),
            exchange: "events".to_owned(),
            routing_key: "ticket.sold".to_owned(),
            event_type: "ticket.sold".to_owned(),
            subject: Some(subject),
            body: Vec::new(),
            correlation_id: String::new(),
            traceparent: None,
            created_at: kernel::clock::now(),
            held: false,
            shard: 1,
        }
    }
}
