//! A service as its `lib.rs` puts it together: routes, consumers, intent workers, background tasks.

use super::{base::Base, server::Door, tasks::Tasks};
use crate::{
    messaging::{
        consumer::{BatchHandler, Consumer, Handler, Work},
        dead_letters,
        intents::{self, Performer},
        relay::Relay,
        retention,
    },
    status::{Section, StatusPage},
    telemetry,
};
use axum::Router;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Requests, consumers and workers have this long to finish what they have in hand.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(11);
/// The relay then has this long to publish what they have written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// What a service consists of. Built in `assemble`, run by [`super::run`].
pub struct Service {
    base: Base,
    router: Router,
    tasks: Tasks,
    relay: Relay,
    sections: Vec<(&'static str, Section)>,
}

impl Service {
    /// A service with the outbox's relay and nothing else.
    pub fn new(base: Base) -> Self {
        let relay = Relay::new(base.database.clone(), base.broker.clone());
        let mut tasks = Tasks::default();
        let database = base.database.clone();
        tasks.add("metrics", |stop| async move {
            stop.run_until_cancelled(telemetry::upkeep()).await;
        });
        tasks.add("retention", move |stop| retention::run(database.clone(), stop));
        Self {
            base,
            router: Router::new(),
            tasks,
            relay,
            sections: Vec::new(),
        }
    }

    /// Adds HTTP routes.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.router = self.router.merge(routes);
        self
    }

    /// Consumes a queue, one transaction for each event, and takes in its dead letters.
    #[must_use]
    pub fn consume<S>(self, queue: &'static str, table: &'static [(&'static str, Handler<S>)], app: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        self.consumer(queue, Work::Each(table), app)
    }

    /// Consumes a queue in batches, one transaction for each batch, and takes in its dead letters.
    #[must_use]
    pub fn consume_batches<S>(self, queue: &'static str, handler: BatchHandler<S>, app: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        self.consumer(queue, Work::Batches(handler), app)
    }

    fn consumer<S: Send + Sync + 'static>(mut self, queue: &'static str, work: Work<S>, app: S) -> Self {
        let base = &self.base;
        let health = base.consumer_health(queue);
        let consumer = Consumer::new(health, work, app, &base.database, &base.broker, base.retries.clone());
        self.tasks.add(format!("consumer of {queue}"), move |stop| {
            Arc::clone(&consumer).run(stop)
        });
        let (database, broker) = (base.database.clone(), base.broker.clone());
        self.tasks.add(format!("dead letters of {queue}"), move |stop| {
            dead_letters::take_in(database.clone(), broker.clone(), queue.to_owned(), stop)
        });
        self
    }

    /// Performs the intents of one kind.
    #[must_use]
    pub fn perform<S>(mut self, kind: &'static str, performer: Performer<S>, app: S) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let database = self.base.database.clone();
        self.tasks.add(format!("{kind} intents"), move |stop| {
            intents::work(database.clone(), kind, performer, app.clone(), stop)
        });
        self
    }

    /// Adds a background task. It must end when the token is cancelled; if it ends before, it is started again.
    #[must_use]
    pub fn worker<F>(
        mut self,
        name: &'static str,
        start: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.add(name, start);
        self
    }

    /// Adds a section of the service's own to `/internal/status`.
    #[must_use]
    pub fn status<F>(mut self, name: &'static str, report: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = serde_json::Value> + Send + 'static,
    {
        self.sections.push((name, Arc::new(move || Box::pin(report()))));
        self
    }

    pub(crate) async fn run(self, door: Arc<Door>, stop: CancellationToken) {
        let page = StatusPage::new(self.base, self.relay.clone(), self.sections);
        let flush = CancellationToken::new();
        let mut publishing = Tasks::default();
        let relay = self.relay;
        publishing.add("relay", move |stop| {
            let relay = relay.clone();
            async move { relay.run(stop).await }
        });
        let publishing = publishing.start(&flush);
        let working = self.tasks.start(&stop);
        door.admit(self.router, page);
        stop.cancelled().await;
        tokio::join!(working.ended(DRAIN_TIMEOUT), door.closed());
        // Last, so that what the others have just written is still published.
        flush.cancel();
        publishing.ended(FLUSH_TIMEOUT).await;
    }
}
