//! Waits until nothing moves any more.

use super::{
    CheckError,
    evidence::broker::Queue,
    sources::{SERVICES, Service, Sources},
};
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const POLL_INTERVAL: Duration = Duration::from_secs(1);
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// Rest must last that long: the broker renews the figures of its queues every five seconds.
const REST: Duration = Duration::from_secs(11);

/// What is still open in every service, each with a statement that counts it.
const OPEN_EVERYWHERE: [(&str, &str); 2] = [
    ("events in the outbox", "select count(*) from outbox"),
    ("open intents", "select count(*) from intents where done_at is null"),
];

/// What is still open in one service.
const OPEN: [(&str, &str, &str); 5] = [
    (
        "order-service",
        "orders without an end",
        "select count(*) from orders where status in ('placed', 'payment_received')",
    ),
    (
        "order-service",
        "compensations pending",
        "select count(*) from orders where compensation = 'pending'",
    ),
    (
        "payment-service",
        "payments not settled",
        "select count(*) from payments where state in ('none', 'charging', 'to_close', 'refunding')",
    ),
    (
        "product-service",
        "reservations not settled",
        "select count(*) from reservations where state in ('none', 'reserved')",
    ),
    (
        "notification-service",
        "mails not settled",
        "select count(*) from notifications where mail in ('waiting', 'pending')",
    ),
];

/// How the waiting ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quiescence {
    /// How long it took until nothing was open, in milliseconds; all the time that there was where something still is.
    pub took_ms: u64,
    /// What was still open when the time was up; empty where the platform is at rest.
    pub open: Vec<String>,
}

impl Quiescence {
    /// Whether the platform is at rest.
    pub fn reached(&self) -> bool {
        self.open.is_empty()
    }
}

/// Waits until every event is delivered and every story has ended, and that lasts. What cannot be asked counts as open.
pub async fn quiesce(sources: &Sources, limit: Duration) -> Result<Quiescence, CheckError> {
    let start = Instant::now();
    let mut at_rest_since = None;
    loop {
        let open = match timeout(LOOK_TIMEOUT, still_open(sources)).await {
            Ok(open) => open,
            Err(_) => vec![format!("no answer within {LOOK_TIMEOUT:?}")],
        };
        let now = start.elapsed();
        if open.is_empty() {
            let since = *at_rest_since.get_or_insert(now);
            if now.saturating_sub(since) >= REST {
                return Ok(ended(since, open));
            }
        } else {
            at_rest_since = None;
            if now >= limit {
                return Ok(ended(now, open));
            }
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn ended(after: Duration, open: Vec<String>) -> Quiescence {
    Quiescence {
        took_ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        open,
    }
}

async fn still_open(sources: &Sources) -> Vec<String> {
    let mut open = Vec::new();
    for service in &SERVICES {
        match open_in(sources, service).await {
            Ok(found) => open.extend(found),
            Err(error) => open.push(format!("{}: {error}", service.name)),
        }
    }
    match sources.list::<Queue>("queues").await {
        Ok(queues) => open.extend(queues.iter().filter(|queue| !queue.is_empty()).map(Queue::to_string)),
        Err(error) => open.push(error.to_string()),
    }
    open
}

async fn open_in(sources: &Sources, service: &Service) -> Result<Vec<String>, sqlx::Error> {
    let of_service = OPEN.iter().filter(|(name, ..)| *name == service.name);
    let statements = OPEN_EVERYWHERE
        .into_iter()
        .chain(of_service.map(|&(_, what, statement)| (what, statement)));
    let mut open = Vec::new();
    for (what, statement) in statements {
        let count: i64 = sqlx::query_scalar(statement)
            .fetch_one(sources.database(service.name))
            .await?;
        if count > 0 {
            open.push(format!("{}: {count} {what}", service.name));
        }
    }
    Ok(open)
}
