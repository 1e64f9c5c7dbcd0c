//! A database with an outbox and a virtual host with one queue, for one benchmark.

use crate::{floor, report::Outcome};
use database::Database;
use messaging::{Relay, broker::Broker};
use std::time::{Duration, Instant};
use testkit::TestEnv;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const EXCHANGE: &str = "platform-events";
const QUEUE: &str = "seats-queue";
pub(crate) const KEY: &str = "ticket.sold";
/// Bytes of an event, about those of `order.placed`.
pub(crate) const BODY_BYTES: usize = 600;
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(5);
const POLL_INTERVAL_MAX: Duration = Duration::from_millis(500);

const TOPOLOGY: &str = include_str!("../../shared/messaging/examples/concert_tickets.toml");

/// The relay at work on an outbox.
pub(crate) struct Outbox {
    pub(crate) env: TestEnv,
    pub(crate) database: Database,
    stop: CancellationToken,
    relay: JoinHandle<()>,
}

impl Outbox {
    /// Creates it, and waits until the relay has published a first event.
    #[expect(clippy::disallowed_methods, reason = "the relay runs beside the measurement")]
    pub(crate) async fn new() -> Outcome<Self> {
        let env = TestEnv::with_topology(rabbitmq::Topology::parse(TOPOLOGY)?).await;
        let database = Database::new(&env.database_url, "box-office", 8)?;
        sqlx::raw_sql(messaging::SCHEMA)
            .execute(&mut *database.acquire().await?)
            .await?;
        let stop = CancellationToken::new();
        let relay = Relay::new(database.clone(), Broker::new(&env.rabbitmq_url, "box-office"));
        let stopped = stop.clone();
        let relay = tokio::spawn(async move { relay.run(&stopped).await });
        let outbox = Self {
            env,
            database,
            stop,
            relay,
        };
        outbox.insert("gen_random_uuid()", "false", 1).await?;
        outbox.until_published(1).await?;
        Ok(outbox)
    }

    /// Inserts rows in one transaction; `subject` and `refused` are expressions over their `number`.
    pub(crate) async fn insert(&self, subject: &str, refused: &str, rows: u32) -> Outcome<()> {
        let statement = format!(
            "insert into outbox (event_id, exchange, routing_key, event_type, subject, body, correlation_id)
             select id, case when {refused} then 'gone.retry' else '{EXCHANGE}' end, '{KEY}', '{KEY}',
                    {subject}, convert_to(repeat('x', {BODY_BYTES}), 'UTF8'), 'none'
             from unnest($1::uuid[]) with ordinality as events (id, number)"
        );
        let ids: Vec<_> = (0..rows).map(|_| kernel::id::new()).collect();
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(ids)
            .execute(&mut *self.database.acquire().await?)
            .await?;
        self.database.signals().notify("outbox");
        Ok(())
    }

    /// Waits until that many events are recorded as published. It counts seldom while many are missing, since counting takes
    /// from what is measured.
    pub(crate) async fn until_published(&self, events: u32) -> Outcome<()> {
        let started = Instant::now();
        loop {
            let published: i64 = sqlx::query_scalar("select count(*) from published")
                .fetch_one(&mut *self.database.acquire().await?)
                .await?;
            let published = u32::try_from(published)?;
            if published >= events {
                return Ok(());
            }
            let missing_share = f64::from(events - published) / f64::from(published.max(1));
            let rest = started.elapsed().mul_f64(missing_share / 2.0);
            tokio::time::sleep(rest.clamp(POLL_INTERVAL_MIN, POLL_INTERVAL_MAX)).await;
        }
    }

    /// Waits until no row waits.
    pub(crate) async fn until_empty(&self) -> Outcome<()> {
        loop {
            let rows: i64 = sqlx::query_scalar("select count(*) from (select 1 from outbox limit 1) waiting")
                .fetch_one(&mut *self.database.acquire().await?)
                .await?;
            if rows == 0 {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL_MIN).await;
        }
    }

    /// Returns the rate at which the relay publishes such rows.
    pub(crate) async fn drain(&self, subject: &str, refused: &str, rows: u32, good: u32) -> Outcome<f64> {
        for statement in [
            "delete from outbox",
            "delete from outbox_refusals",
            "truncate published",
            "vacuum outbox",
        ] {
            sqlx::raw_sql(statement)
                .execute(&mut *self.database.acquire().await?)
                .await?;
        }
        self.purge().await?;
        self.insert(subject, refused, rows).await?;
        let started = Instant::now();
        self.until_published(good).await?;
        Ok(f64::from(good) / started.elapsed().as_secs_f64())
    }

    /// Empties the queue that the events go to.
    pub(crate) async fn purge(&self) -> Outcome<()> {
        floor::purge(&self.env.rabbitmq_url, QUEUE).await
    }

    /// Ends the relay.
    pub(crate) async fn end(self) -> Outcome<()> {
        self.stop.cancel();
        self.relay.await?;
        Ok(())
    }
}
