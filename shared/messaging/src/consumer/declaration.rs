//! The declaration of a consumer: its queue, and the views that it reads events into.

use super::{
    consume::{BatchHandler, Consume, dispatch},
    lane,
    plan::Plan,
    work::Work,
    worker::Worker,
};
use crate::{
    broker::Broker,
    health::ConsumerHealth,
    retry::{RetryPolicy, RetryPublisher},
    subscription::Subscription,
};
use database::Database;
use futures_util::future::BoxFuture;
use std::{collections::BTreeMap, sync::Arc};
use tokio_util::sync::CancellationToken;

/// A consumer of one queue, ready to [`run`](Self::run).
#[derive(Debug)]
pub struct Consumer<App: 'static> {
    queue: &'static str,
    work: Work<App>,
    plan: Plan,
}

impl<App> Clone for Consumer<App> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue,
            work: self.work.clone(),
            plan: self.plan,
        }
    }
}

impl<App: Send + Sync + 'static> Consumer<App> {
    /// Declares a consumer of `queue` whose handlers take one event each. The events that wait go through one transaction; an
    /// event that cannot be handled with others is handled by itself.
    pub fn of(queue: &'static str) -> Self {
        Self {
            queue,
            work: Work::Each(BTreeMap::new()),
            plan: Plan::BATCHES,
        }
    }

    /// Declares a consumer of `queue` whose handler takes a batch of events, of any type.
    pub fn of_batches(queue: &'static str, handler: BatchHandler<App>) -> Self {
        Self {
            queue,
            work: Work::Batches(handler),
            plan: Plan::LARGE_BATCHES,
        }
    }

    /// Gives each event a transaction of its own: for handlers that lock rows which events of other subjects lock as well.
    /// A batch would keep these until its end, and two batches could wait for each other.
    #[must_use]
    pub fn unbatched(self) -> Self {
        Self {
            plan: Plan::SINGLES,
            ..self
        }
    }

    /// Handles the events of a view.
    ///
    /// # Panics
    /// If a type is handled by two views, or the consumer takes batches: a mistake in the declaration.
    #[must_use]
    pub fn on<View: Consume<App>>(mut self) -> Self {
        let Work::Each(handlers) = &mut self.work else {
            panic!("{}: a consumer of batches has one handler", self.queue);
        };
        for event_type in View::TYPES {
            let earlier = handlers.insert(*event_type, dispatch::<App, View>);
            assert!(earlier.is_none(), "{}: {event_type} is handled twice", self.queue);
        }
        self
    }

    /// Returns the name of the queue.
    pub fn queue(&self) -> &'static str {
        self.queue
    }

    /// Returns the types of event that have a handler, in alphabetical order; none for a consumer of batches.
    pub fn event_types(&self) -> Vec<&'static str> {
        match &self.work {
            Work::Each(handlers) => handlers.keys().copied().collect(),
            Work::Batches(_) => Vec::new(),
        }
    }

    /// Consumes until `stop`, then waits for the handlers under way.
    pub async fn run(
        self,
        app: App,
        database: Database,
        broker: Broker,
        retries: RetryPolicy,
        health: Arc<ConsumerHealth>,
        stop: CancellationToken,
    ) {
        let subscription = Subscription {
            broker: broker.clone(),
            database,
            queue: self.queue.to_owned(),
            prefetch: self.plan.prefetch,
            health,
        };
        let retries = RetryPublisher::new(broker, self.queue, retries);
        start(Worker::new(self.work.bind(app), self.plan, retries, subscription), stop).await;
    }
}

/// Runs a worker. The future is boxed, so that it is compiled here and not in each service.
fn start(worker: Worker, stop: CancellationToken) -> BoxFuture<'static, ()> {
    Box::pin(lane::run(Arc::new(worker), stop))
}
