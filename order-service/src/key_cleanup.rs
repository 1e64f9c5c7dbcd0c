//! Cleanup: deletes expired idempotency keys.

use crate::store::keys;
use database::Database;
use kernel::chain;
use std::time::Duration;

/// Interval between two runs.
pub const INTERVAL: Duration = Duration::from_mins(10);
const BATCH_KEYS: u64 = 1000;

/// Deletes the expired keys. Instances may do so at the same time.
pub async fn run(database: Database) {
    if let Err(error) = delete_expired(&database).await {
        tracing::warn!(
            dependency = "postgres",
            error = chain(&error),
            "Expired idempotency keys were not deleted"
        );
    }
}

/// Deletes in batches, so that locks are held for a short time only.
async fn delete_expired(database: &Database) -> Result<(), sqlx::Error> {
    loop {
        let deleted = keys::delete_expired(&mut *database.acquire().await?, BATCH_KEYS.cast_signed()).await?;
        if deleted < BATCH_KEYS {
            return Ok(());
        }
    }
}
