//! Waits until the platform is quiescent: every event delivered, every order and payment ended, every queue empty.

use super::{evidence::broker::Queue, evidence_query::EvidenceQuery};
use platform_client::description::services;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const POLL_INTERVAL: Duration = Duration::from_secs(1);
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// Quiescence must last this long: the broker renews the figures of its queues every five seconds.
const STABLE: Duration = Duration::from_secs(11);

/// Open work of every service, each with a statement that counts it.
const OPEN_EVERYWHERE: [(&str, &str); 2] = [
    ("events in the outbox", "select count(*) from outbox"),
    ("open jobs", "select count(*) from intents where done_at is null"),
];

/// Open work of one service.
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
        "open payments",
        "select count(*) from payments where state in ('none', 'charging', 'to_close', 'refunding')",
    ),
    (
        "product-service",
        "open reservations",
        "select count(*) from reservations where state in ('none', 'reserved')",
    ),
    (
        "notification-service",
        "open mails",
        "select count(*) from notifications where mail in ('waiting', 'pending')",
    ),
];

/// The outcome of the wait.
#[derive(Debug)]
pub(crate) struct Quiescence {
    /// Time until no work was open; the whole limit if some still is.
    pub(crate) took_ms: u64,
    /// Open work at the limit; empty if the platform is quiescent.
    pub(crate) open: Vec<String>,
}

/// Waits until no work is open and that lasts. A source that does not answer counts as open.
pub(crate) async fn quiesce(query: &EvidenceQuery, limit: Duration) -> Quiescence {
    let start = Instant::now();
    let mut quiescent_since = None;
    loop {
        let open = match timeout(LOOK_LIMIT, open_work(query)).await {
            Ok(open) => open,
            Err(_) => vec![format!("no answer within {LOOK_LIMIT:?}")],
        };
        let now = start.elapsed();
        if open.is_empty() {
            let since = *quiescent_since.get_or_insert(now);
            if now.saturating_sub(since) >= STABLE {
                return ended(since, open);
            }
        } else {
            quiescent_since = None;
            if now >= limit {
                return ended(now, open);
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

async fn open_work(query: &EvidenceQuery) -> Vec<String> {
    let mut open = Vec::new();
    for service in services() {
        match open_in(query, &service.name).await {
            Ok(found) => open.extend(found),
            Err(error) => open.push(format!("{}: {error}", service.name)),
        }
    }
    match query.broker.list::<Queue>("queues").await {
        Ok(queues) => open.extend(queues.iter().filter(|queue| !queue.is_empty()).map(Queue::to_string)),
        Err(error) => open.push(error.to_string()),
    }
    open
}

async fn open_in(query: &EvidenceQuery, service: &str) -> Result<Vec<String>, sqlx::Error> {
    let of_service = OPEN.iter().filter(|(name, ..)| *name == service);
    let statements = OPEN_EVERYWHERE
        .into_iter()
        .chain(of_service.map(|&(_, what, statement)| (what, statement)));
    let mut open = Vec::new();
    for (what, statement) in statements {
        let count: i64 = sqlx::query_scalar(statement).fetch_one(query.database(service)).await?;
        if count > 0 {
            open.push(format!("{service}: {count} {what}"));
        }
    }
    Ok(open)
}
