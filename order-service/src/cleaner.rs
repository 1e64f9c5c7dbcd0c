//! Removes the idempotency keys whose time is over.

use crate::store::keys;
use shared::database::Database;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(10);
const BATCH_KEYS: u64 = 1000;

/// Cleans until `stop`. Several instances may do so at once.
pub async fn run(database: Database, stop: CancellationToken) {
    loop {
        if let Err(error) = clean(&database).await {
            tracing::warn!(%error, "expired idempotency keys could not be removed");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Removes all expired keys, in batches that hold their locks for a short time only.
pub async fn clean(database: &Database) -> Result<u64, sqlx::Error> {
    let mut removed = 0;
    loop {
        let batch = keys::delete_expired(&mut *database.acquire().await?, BATCH_KEYS.cast_signed()).await?;
        removed += batch;
        if batch < BATCH_KEYS {
            return Ok(removed);
        }
    }
}
