//! The work that orders leave behind, read from the services' own tables.

use crate::report::Outcome;
use platform_client::{HarnessError, description::services, environment::Environment, poll::poll};
use sqlx::PgPool;
use std::time::{Duration, Instant};

const DONE_LIMIT: Duration = Duration::from_mins(10);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

const OPEN_ORDERS: &str = "select count(*) from orders where status in ('placed', 'payment_received')";
const CONFIRMED: &str = "select count(*) from orders where status = 'confirmed'";
const MAILED: &str = "select count(*) from notifications where kind = 'order.confirmed' and mail = 'sent'";
/// Events that wait, and calls and mails that have not been made.
const IN_EACH_SERVICE: &str =
    "select (select count(*) from outbox) + (select count(*) from intents where done_at is null)";
/// Events of orders that a service has published and analytics, which consumes all, has not yet stored.
const RECEIVED: &str = "select count(*) from inbox";
const PUBLISHED: &str = "select count(*) from published";

/// The work that must be done, in the order in which it is caused.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Orders,
    Mails,
    Others,
    Analytics,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Orders, Self::Mails, Self::Others, Self::Analytics];

    fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders confirmed",
            Self::Mails => "mails sent",
            Self::Others => "outboxes and jobs empty",
            Self::Analytics => "analytics has all",
        }
    }
}

/// Access to the tables.
#[derive(Debug)]
pub(crate) struct Work {
    services: Vec<PgPool>,
    orders: PgPool,
    notifications: PgPool,
    analytics: PgPool,
}

impl Work {
    pub(crate) fn new(environment: &Environment) -> Result<Self, HarnessError> {
        Ok(Self {
            services: services()
                .iter()
                .map(|service| environment.database(service))
                .collect::<Result<_, _>>()?,
            orders: environment.pool("ORDER_DATABASE_URL")?,
            notifications: environment.pool("NOTIFICATION_DATABASE_URL")?,
            analytics: environment.pool("ANALYTICS_DATABASE_URL")?,
        })
    }

    /// Returns the number of orders without an end.
    pub(crate) async fn open_orders(&self) -> Result<i64, sqlx::Error> {
        count(&self.orders, OPEN_ORDERS).await
    }

    /// Waits until every order has ended, its mail is sent and every event has arrived everywhere. Returns what was done when.
    pub(crate) async fn until_done(&self) -> Outcome<Vec<(&'static str, Duration)>> {
        let started = Instant::now();
        let mut done = Vec::new();
        for stage in Stage::ALL {
            let emptied = poll(DONE_LIMIT, POLL_INTERVAL, async || match self.open(stage).await {
                Ok(0) => Some(Ok(())),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            let timeout = || HarnessError::Timeout {
                condition: stage.name().to_owned(),
                limit: DONE_LIMIT,
            };
            emptied.await.ok_or_else(timeout)??;
            done.push((stage.name(), started.elapsed()));
        }
        Ok(done)
    }

    async fn open(&self, stage: Stage) -> Result<i64, sqlx::Error> {
        match stage {
            Stage::Orders => self.open_orders().await,
            Stage::Mails => Ok(count(&self.orders, CONFIRMED).await? - count(&self.notifications, MAILED).await?),
            Stage::Others => self.sum(IN_EACH_SERVICE).await,
            // Counted last: an event that is published between the two would seem to have been received twice.
            Stage::Analytics => Ok((self.sum(PUBLISHED).await? - count(&self.analytics, RECEIVED).await?).max(0)),
        }
    }

    async fn sum(&self, statement: &'static str) -> Result<i64, sqlx::Error> {
        let mut sum = 0;
        for service in &self.services {
            sum += count(service, statement).await?;
        }
        Ok(sum)
    }

    /// Returns how many of the `placed` newest orders were confirmed; any other end would make the figures worthless.
    pub(crate) async fn ended_of(&self, placed: u32) -> Outcome<u32> {
        let confirmed: i64 = sqlx::query_scalar(
            "select count(*) from (select status from orders order by id desc limit $1) newest
             where status = 'confirmed'",
        )
        .bind(i64::from(placed))
        .fetch_one(&self.orders)
        .await?;
        if confirmed != i64::from(placed) {
            return Err(format!("of {placed} orders {confirmed} were confirmed").into());
        }
        Ok(placed)
    }

    /// Returns the median and the 99th percentile of the time from placed to confirmed, in milliseconds.
    pub(crate) async fn confirmation_ms(&self, within: Duration) -> Result<(f64, f64), sqlx::Error> {
        let ms = "extract(epoch from updated_at - placed_at)::float8 * 1000";
        let statement = format!(
            "select percentile_cont(0.5) within group (order by {ms}), percentile_cont(0.99) within group (order by {ms})
             from orders where status = 'confirmed' and placed_at > now() - make_interval(secs => $1)"
        );
        sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(within.as_secs_f64())
            .fetch_one(&self.orders)
            .await
    }
}

async fn count(database: &PgPool, statement: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(statement).fetch_one(database).await
}
