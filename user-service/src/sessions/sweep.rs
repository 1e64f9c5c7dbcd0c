//! Deletes what is over, so that the tables do not grow for ever.

use crate::{App, store};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_mins(10);
const BATCH: i64 = 1_000;

/// Deletes expired sessions and refresh tokens, every ten minutes until it is stopped. Two instances do not disturb each
/// other: each deletes what the other has left.
pub async fn sweep(app: App, stop: CancellationToken) {
    loop {
        let deleted = async { store::sessions::delete_expired(&mut *app.database.acquire().await?, BATCH).await };
        match deleted.await {
            // A full batch: there is more.
            Ok(deleted) if deleted >= BATCH.unsigned_abs() => {}
            Ok(_) => wait(&stop).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "expired sessions could not be deleted"
                );
                wait(&stop).await;
            }
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

async fn wait(stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(EVERY) => {}
        () = stop.cancelled() => {}
    }
}
