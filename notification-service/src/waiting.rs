//! Mails that wait for an owner or an address: gives them up when their deadline passes, and shows them to operators.

use crate::store;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::database::Database;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// Gives up what has waited too long, again and again. Any number of instances may.
pub(crate) async fn sweep(database: Database, stop: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(SWEEP_INTERVAL))
        .await
        .is_some()
    {
        if let Err(error) = give_up(&database, shared::clock::now()).await {
            tracing::warn!(%error, "cannot look for mails that have waited too long");
        }
    }
}

/// Marks the mails whose deadline has passed at `now` as failed, and returns how many.
pub async fn give_up(database: &Database, now: DateTime<Utc>) -> Result<usize, sqlx::Error> {
    let expired = store::expire(&mut *database.acquire().await?, now).await?;
    for mail in &expired {
        tracing::error!(
            order.id = %mail.order_id,
            correlation_id = mail.correlation_id,
            owner_known = mail.owner_known,
            "a mail waited too long for its owner or their address and was given up"
        );
    }
    Ok(expired.len())
}

/// The section of `/internal/status`.
pub(crate) async fn status(database: Database) -> Value {
    let tally = async { store::tally(&mut *database.acquire().await?).await };
    match tally.await {
        Ok(tally) => json!({
            "waiting": tally.waiting,
            "oldestWaitingAt": tally.oldest_waiting_at,
            "failed": tally.failed,
        }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
