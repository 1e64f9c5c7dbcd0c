//! Deletes what nobody needs any more, so that no table grows for ever.
//!
//! Inbox rows must outlive every way an event can come back (retries, replay of a dead letter), or an old event would
//! take effect again.

use crate::database::Database;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long inbox, published, finished intents and resolved dead letters are kept. Unresolved dead letters stay, and a
/// replay of one that is older is refused.
pub(crate) const RETENTION_DAYS: i32 = 30;
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// Each deletes at most 5,000 rows, so that no statement holds locks for long.
const SWEEPS: [&str; 4] = [
    "delete from inbox where ctid = any(array(select ctid from inbox where received_at < now() - make_interval(days => $1) limit 5000))",
    "delete from published where ctid = any(array(select ctid from published where published_at < now() - make_interval(days => $1) limit 5000))",
    "delete from intents where ctid = any(array(select ctid from intents where done_at < now() - make_interval(days => $1) limit 5000))",
    "delete from dead_letters where ctid = any(array(select ctid from dead_letters where resolved_at < now() - make_interval(days => $1) limit 5000))",
];

/// Sweeps once an hour until `stop`. Two instances sweeping at once do no harm.
pub(crate) async fn run(database: Database, stop: CancellationToken) {
    while !stop.is_cancelled() {
        for statement in SWEEPS {
            if let Err(error) = sweep(&database, statement, &stop).await {
                tracing::warn!(%error, "retention could not sweep a table; it tries again in an hour");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
    }
}

async fn sweep(database: &Database, statement: &'static str, stop: &CancellationToken) -> Result<(), sqlx::Error> {
    while !stop.is_cancelled() {
        let deleted = sqlx::query(statement)
            .bind(RETENTION_DAYS)
            .execute(&mut *database.acquire().await?)
            .await?;
        if deleted.rows_affected() == 0 {
            break;
        }
    }
    Ok(())
}
