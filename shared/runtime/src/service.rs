//! A service as its `lib.rs` puts it together: routes, consumers, jobs, background tasks, status sections.

use crate::{
    base::Base,
    gauges::{Gauges, OwnGauge},
    server::HttpServer,
    status::{Section, StatusPage},
    tasks::Tasks,
    telemetry,
};
use axum::Router;
use kernel::periodic;
use messaging::{
    Consumer, Job, Relay, dead_letters,
    discard::{Discard, Discards},
    run_retention, run_worker,
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Limit for requests, consumers and job workers to finish what is under way.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(11);
/// Limit for the relay to publish, after that, what they have written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// The parts of a service. Built in `assemble`, run by [`crate::serve`].
pub struct Service {
    base: Base,
    router: Router,
    tasks: Tasks,
    relay: Relay,
    discards: Discards,
    gauges: Vec<OwnGauge>,
    sections: Vec<(&'static str, Section)>,
}

impl Service {
    /// Creates a service that has the outbox's relay, retention and nothing else.
    pub fn new(base: &Base) -> Self {
        let mut tasks = Tasks::default();
        let database = base.database.clone();
        tasks.add("metrics", |stop| async move {
            stop.run_until_cancelled(telemetry::upkeep()).await;
        });
        tasks.add("retention", move |stop| run_retention(database.clone(), stop));
        Self {
            relay: Relay::new(base.database.clone(), base.broker.clone()),
            base: base.clone(),
            router: Router::new(),
            tasks,
            discards: Discards::default(),
            gauges: Vec::new(),
            sections: Vec::new(),
        }
    }

    /// Adds HTTP routes.
    #[must_use]
    pub fn routes(mut self, routes: Router) -> Self {
        self.router = self.router.merge(routes);
        self
    }

    /// Consumes a queue, and drains its dead letters into the table.
    #[must_use]
    pub fn consumer<App>(mut self, consumer: Consumer<App>, app: App) -> Self
    where
        App: Clone + Send + Sync + 'static,
    {
        let queue = consumer.queue();
        let base = self.base.clone();
        let health = base.consumer_health(queue);
        self.tasks.add(format!("consumer of {queue}"), move |stop| {
            consumer.clone().run(
                app.clone(),
                base.database.clone(),
                base.broker.clone(),
                base.retries.clone(),
                Arc::clone(&health),
                stop,
            )
        });
        self.drain_dead_letters(queue);
        self
    }

    fn drain_dead_letters(&mut self, queue: &'static str) {
        let base = self.base.clone();
        self.tasks.add(format!("dead letters of {queue}"), move |stop| {
            dead_letters::drain(base.database.clone(), base.broker.clone(), queue, stop)
        });
    }

    /// Runs the jobs of one kind.
    #[must_use]
    pub fn job<J: Job>(mut self, app: J::App) -> Self {
        let database = self.base.database.clone();
        self.tasks.add(format!("{} jobs", J::KIND), move |stop| {
            run_worker::<J>(database.clone(), app.clone(), stop)
        });
        self
    }

    /// Ends what waits for a job of this kind when an operator discards the job.
    #[must_use]
    pub fn discard<J: Discard>(mut self) -> Self {
        self.discards.add::<J>();
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

    /// Adds a background task that runs at the start and then each time `interval` has passed since its end.
    #[must_use]
    pub fn periodic<F>(
        self,
        name: &'static str,
        interval: Duration,
        run: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.worker(name, move |stop| {
            let run = run.clone();
            async move { periodic(interval, &stop, &run).await }
        })
    }

    /// Adds a section of the service's own to `/internal/status`.
    #[must_use]
    pub fn status<T, F>(mut self, name: &'static str, read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        T: serde::Serialize,
        F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    {
        self.sections.push((name, Section::new(read)));
        self
    }

    /// Adds a gauge of the service's own, which raises the alarm while its value is above the limit.
    #[must_use]
    pub fn gauge<F>(
        mut self,
        name: &'static str,
        (alarm, limit): (&'static str, f64),
        read: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<f64, sqlx::Error>> + Send + 'static,
    {
        self.gauges.push(OwnGauge::new(name, alarm, limit, read));
        self
    }

    pub(crate) async fn run(mut self, server: Arc<HttpServer>, stop: CancellationToken) {
        let (base, relay, gauges) = (self.base.clone(), self.relay.clone(), Arc::from(self.gauges));
        self.tasks.add("gauges", move |stop| {
            Gauges::new(base.clone(), relay.clone(), Arc::clone(&gauges)).run(stop)
        });
        let page = StatusPage::new(self.base, self.relay.clone(), self.discards, self.sections);
        let flush = CancellationToken::new();
        let mut publishing = Tasks::default();
        let relay = self.relay;
        publishing.add("relay", move |stop| {
            let relay = relay.clone();
            async move { relay.run(&stop).await }
        });
        let publishing = publishing.start(&flush);
        let working = self.tasks.start(&stop);
        server.mount(self.router, page);
        stop.cancelled().await;
        tokio::join!(working.ended(DRAIN_TIMEOUT), server.stopped());
        // Last, so that whatever the others have just written is still published.
        flush.cancel();
        publishing.ended(FLUSH_TIMEOUT).await;
    }
}
