//! Deletion of expired sessions and refresh tokens, so that the tables do not grow without limit.

use crate::{app::App, store};
use kernel::{chain, periodic};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_mins(10);
const BATCH: i64 = 1_000;

/// Deletes expired rows every ten minutes until `stop`. Two instances do not conflict: each deletes rows that the other has
/// left.
pub async fn run_cleanup(app: App, stop: CancellationToken) {
    periodic(INTERVAL, &stop, || delete_expired(&app, &stop)).await;
}

async fn delete_expired(app: &App, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let deleted = async { store::sessions::delete_expired(&mut *app.database.acquire().await?, BATCH).await };
        match deleted.await {
            // After a full batch there may be more.
            Ok(deleted) if deleted >= BATCH.unsigned_abs() => {}
            Ok(_) => return,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(dependency = "postgres", error, "Cannot delete expired sessions");
                return;
            }
        }
    }
}
