//! Retention: deletes rows that are no longer needed, so that no table grows without bound.
//!
//! Inbox rows must outlive every way an event can come back (retries, replay of a dead letter), or an old event would
//! take effect again.

use database::Database;
use kernel::{chain, periodic};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Days for which inbox rows, published events, completed jobs and resolved dead letters are kept. Unresolved dead letters
/// stay; replaying one that is older is refused.
pub const RETENTION_DAYS: i32 = 30;
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// Each statement deletes at most 5,000 rows, so that none holds locks for long. Our own events are found by their ids, which
/// carry the time of their creation (UUID version 7) and cost no index; others' events may have ids of any kind.
const SWEEPS: [&str; 4] = [
    "delete from inbox where ctid = any(array(select ctid from inbox where received_at < now() - make_interval(days => $1) limit 5000))",
    "delete from published where event_id = any(array(
         select event_id from published
         where event_id < rpad(lpad(to_hex((extract(epoch from now() - make_interval(days => $1)) * 1000)::bigint), 12, '0'), 32, '0')::uuid
           and published_at < now() - make_interval(days => $1)
         order by event_id limit 5000))",
    "delete from intents where ctid = any(array(select ctid from intents where done_at < now() - make_interval(days => $1) limit 5000))",
    "delete from dead_letters where ctid = any(array(select ctid from dead_letters where resolved_at < now() - make_interval(days => $1) limit 5000))",
];

/// Sweeps once an hour until `stop`. Two instances that sweep at once do no harm.
pub async fn run(database: Database, stop: CancellationToken) {
    periodic(SWEEP_INTERVAL, &stop, || async {
        for statement in SWEEPS {
            if let Err(error) = sweep(&database, statement, &stop).await {
                tracing::warn!(
                    dependency = "postgres",
                    error = chain(&error),
                    "Retention sweep failed; next try in an hour"
                );
            }
        }
    })
    .await;
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
