//! Gauges of everything that can grow or stall, and alarms: a log line when one passes its limit, and when it is back.
//!
//! Every instance samples them, also what is in the database and reads alike on all: an election would cost each instance one more
//! connection, an alarm would be silent while the elected one hangs, and the gauges of the one before would stand still. The
//! statements take about a millisecond together, and a tenth of a second with 100,000 rows in the outbox or 40,000 dead letters.

use crate::base::Base;
use database::Database;
use kernel::chain;
use messaging::{
    Backlog, Relay, backlog, dead_letters,
    health::ConsumerState,
    jobs::{self, PendingJobs},
};
use metrics::gauge;
use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Interval of the samples.
const INTERVAL: Duration = Duration::from_secs(5);
/// Age of the oldest event in the outbox that is an alarm.
const OUTBOX_AGE_LIMIT_S: f64 = 60.0;
/// Time for which an event has waited while none was published that is an alarm. A takeover between instances takes 6 s.
const STALLED_LIMIT_S: f64 = 10.0;
/// Age of a dead letter's event that is an alarm: a week before it is too old to be replayed.
const LETTER_AGE_LIMIT_S: f64 = (dead_letters::REPLAY_DAYS_MAX - 7) as f64 * 86_400.0;
/// Age of the oldest job that is an alarm.
const JOB_AGE_LIMIT_S: f64 = 900.0;
/// Time without consuming that is an alarm.
const SILENCE_LIMIT_S: f64 = 60.0;

type ReadFuture = Pin<Box<dyn Future<Output = Result<f64, sqlx::Error>> + Send>>;

/// A gauge of the service's own, with its alarm.
pub(crate) struct OwnGauge {
    name: &'static str,
    alarm: &'static str,
    limit: f64,
    read: Box<dyn Fn() -> ReadFuture + Send + Sync>,
}

impl OwnGauge {
    pub(crate) fn new<F>(
        name: &'static str,
        alarm: &'static str,
        limit: f64,
        read: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<f64, sqlx::Error>> + Send + 'static,
    {
        let read = Box::new(move || -> ReadFuture { Box::pin(read()) });
        Self {
            name,
            alarm,
            limit,
            read,
        }
    }
}

/// The sampler of one process.
pub(crate) struct Gauges {
    base: Base,
    relay: Relay,
    own: Arc<[OwnGauge]>,
    raised: BTreeSet<String>,
    /// Routes, kinds of jobs and queues with a gauge, which is set to zero when they have no more rows.
    routes: BTreeSet<String>,
    kinds: BTreeSet<String>,
    queues: BTreeSet<String>,
}

impl Gauges {
    pub(crate) fn new(base: Base, relay: Relay, own: Arc<[OwnGauge]>) -> Self {
        Self {
            base,
            relay,
            own,
            raised: BTreeSet::new(),
            routes: BTreeSet::new(),
            kinds: BTreeSet::new(),
            queues: BTreeSet::new(),
        }
    }

    /// Takes a sample every 5 s, until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.sample().await;
            stop.run_until_cancelled(sleep(INTERVAL)).await;
        }
    }

    async fn sample(&mut self) {
        self.sample_process();
        if let Err(error) = self.sample_database().await {
            tracing::info!(
                dependency = "postgres",
                error = chain(&error),
                "Gauges of the database not sampled"
            );
        }
    }

    fn sample_process(&mut self) {
        gauge!("relay_shards").set(count(self.relay.report().shards));
        let (publishing, consuming) = self.base.broker.status();
        for (link, status) in [("publishing", publishing), ("consuming", consuming)] {
            gauge!("broker_connected", "link" => link).set(flag(status.connected));
            gauge!("broker_blocked", "link" => link).set(flag(status.blocked));
        }
        let (open, idle) = self.base.database.connections();
        gauge!("database_connections", "state" => "open").set(open);
        gauge!("database_connections", "state" => "idle").set(count(idle));
        for consumer in self.base.consumers() {
            let report = consumer.report();
            let is_consuming = report.state == ConsumerState::Consuming;
            gauge!("consumer_consuming", "queue" => report.queue.clone()).set(flag(is_consuming));
            gauge!("consumer_in_flight", "queue" => report.queue.clone()).set(count(report.in_flight));
            gauge!("queue_ready_messages", "queue" => report.queue.clone()).set(report.ready);
            let silent_s = if is_consuming { 0.0 } else { report.since_s };
            self.judge(format!("{} not consumed", report.queue), silent_s, SILENCE_LIMIT_S);
        }
    }

    async fn sample_database(&mut self) -> Result<(), sqlx::Error> {
        let backlog = backlog(&self.base.database).await?;
        self.sample_outbox(&backlog);
        self.sample_jobs(&jobs::pending(&self.base.database).await?);
        self.sample_dead_letters(&dead_letters::waiting(&self.base.database).await?);
        for own in Arc::clone(&self.own).iter() {
            let value = (own.read)().await?;
            gauge!(own.name).set(value);
            self.judge(own.alarm.to_owned(), value, own.limit);
        }
        sample_tables(&self.base.database).await
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    fn sample_dead_letters(&mut self, waiting: &[dead_letters::Waiting]) {
        let letters = waiting.iter().map(|queue| queue.letters).sum::<i64>() as f64;
        gauge!("dead_letters_waiting").set(letters);
        self.judge("dead letters waiting".to_owned(), letters, 0.0);
        self.queues
            .extend(waiting.iter().map(|of_queue| of_queue.queue.clone()));
        for queue in self.queues.clone() {
            let of_queue = waiting.iter().find(|of_queue| of_queue.queue == queue);
            let age_s = of_queue.map_or(0.0, |of_queue| of_queue.oldest_event_age_s);
            gauge!("dead_letters_oldest_event_age_seconds", "queue" => queue.clone()).set(age_s);
            let alarm = format!("dead letters of {queue} soon too old to replay");
            self.judge(alarm, age_s, LETTER_AGE_LIMIT_S);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    fn sample_outbox(&mut self, backlog: &Backlog) {
        let age_s = backlog.oldest_age_s.unwrap_or_default();
        gauge!("outbox_rows").set(backlog.pending as f64);
        gauge!("outbox_oldest_age_seconds").set(age_s);
        gauge!("outbox_refused_rows").set(backlog.refused as f64);
        gauge!("outbox_refused_routes").set(count(backlog.refused_routes.len()));
        self.routes
            .extend(backlog.refused_routes.iter().map(|route| route.routing_key.clone()));
        for key in &self.routes {
            let refused = backlog.refused_routes.iter().filter(|route| route.routing_key == *key);
            let rows: i64 = refused.map(|route| route.rows).sum();
            gauge!("outbox_refused_route_rows", "routing_key" => key.clone()).set(rows as f64);
        }
        let stalled_s = backlog.stalled_s.unwrap_or_default();
        gauge!("outbox_stalled_seconds").set(stalled_s);
        self.judge("no instance publishes".to_owned(), stalled_s, STALLED_LIMIT_S);
        self.judge("outbox not published".to_owned(), age_s, OUTBOX_AGE_LIMIT_S);
        self.judge("events refused by the broker".to_owned(), backlog.refused as f64, 0.0);
        self.judge(
            "routes refused by the broker".to_owned(),
            count(backlog.refused_routes.len()),
            0.0,
        );
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    fn sample_jobs(&mut self, pending: &[PendingJobs]) {
        self.kinds.extend(pending.iter().map(|jobs| jobs.kind.clone()));
        for kind in self.kinds.clone() {
            let jobs = pending.iter().find(|jobs| jobs.kind == kind);
            let age_s = jobs.and_then(|jobs| jobs.oldest_age_s).unwrap_or_default();
            gauge!("jobs_pending", "kind" => kind.clone()).set(jobs.map_or(0, |jobs| jobs.pending) as f64);
            gauge!("jobs_oldest_age_seconds", "kind" => kind.clone()).set(age_s);
            let parked = jobs.map_or(0, |jobs| jobs.parked) as f64;
            gauge!("jobs_parked", "kind" => kind.clone()).set(parked);
            self.judge(format!("{kind} jobs not done"), age_s, JOB_AGE_LIMIT_S);
            self.judge(format!("{kind} jobs parked"), parked, 0.0);
        }
    }

    /// Logs the alarm when its value passes the limit, and when it is back.
    fn judge(&mut self, alarm: String, value: f64, limit: f64) {
        gauge!("alarm_raised", "alarm" => alarm.clone()).set(flag(value > limit));
        if value > limit && !self.raised.contains(&alarm) {
            tracing::warn!(code = "alarm.raised", alarm, value, limit, "Alarm raised");
            self.raised.insert(alarm);
        } else if value <= limit && self.raised.remove(&alarm) {
            tracing::info!(code = "alarm.cleared", alarm, value, limit, "Alarm cleared");
        }
    }
}

/// Sizes of the tables that grow, by PostgreSQL's own estimate: counting them would read them.
async fn sample_tables(database: &Database) -> Result<(), sqlx::Error> {
    let tables: Vec<(String, f64, f64)> = sqlx::query_as(
        "select relname::text, greatest(reltuples, 0)::float8, pg_total_relation_size(oid)::float8 from pg_class
         where relkind = 'r' and relnamespace = 'public'::regnamespace
           and relname in ('inbox', 'published', 'outbox', 'intents', 'dead_letters', 'subject_sequences')",
    )
    .fetch_all(&mut *database.acquire().await?)
    .await?;
    for (table, rows, bytes) in tables {
        gauge!("table_rows", "table" => table.clone()).set(rows);
        gauge!("table_bytes", "table" => table).set(bytes);
    }
    Ok(())
}

fn flag(is_set: bool) -> f64 {
    f64::from(u8::from(is_set))
}

#[expect(clippy::cast_precision_loss, reason = "a small number")]
fn count(number: usize) -> f64 {
    number as f64
}
