//! Deadlines of mails that wait for an owner or an address.

use crate::store;
use chrono::{DateTime, Utc};
use database::Database;
use kernel::{chain, clock};
use std::time::Duration;

pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Fails the mails whose deadline has passed. Any number of instances may do so at a time.
pub(crate) async fn sweep(database: Database) {
    if let Err(error) = expire(&database, clock::now()).await {
        tracing::warn!(
            dependency = "postgres",
            error = chain(&error),
            "Cannot expire waiting mails"
        );
    }
}

/// Marks the mails whose deadline has passed at `now` as failed, and returns their number.
pub async fn expire(database: &Database, now: DateTime<Utc>) -> Result<usize, sqlx::Error> {
    let expired = store::expire(&mut *database.acquire().await?, now).await?;
    for mail in &expired {
        tracing::error!(
            order.id = %mail.order_id,
            correlation_id = mail.correlation_id,
            owner_known = mail.owner_known,
            "Mail failed: no event named the order's owner or their address before the deadline"
        );
    }
    Ok(expired.len())
}
