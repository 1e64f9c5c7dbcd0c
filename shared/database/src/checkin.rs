//! The return of a connection to sqlx's pool.

use sqlx::{Postgres, pool::PoolConnection};
use std::time::Duration;
use tokio::time::timeout;

/// Limit for the server's answer to a rollback or a ping.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle time after which a connection is pinged before it is handed out, since a server may have closed it unnoticed (500 ms
/// as in `HikariCP`: `aliveBypassWindowMs`).
pub(crate) const IDLE_CHECK_AFTER: Duration = Duration::from_millis(500);

/// Returns a connection to the pool.
///
/// A failure or a timeout closes the connection instead: the server then rolls back as well, and the pool may open a new
/// connection in its stead.
pub(crate) async fn checkin(mut connection: PoolConnection<Postgres>, in_transaction: bool) {
    if in_transaction {
        let rollback = sqlx::raw_sql("rollback").execute(&mut *connection);
        if !matches!(timeout(ANSWER_TIMEOUT, rollback).await, Ok(Ok(_))) {
            drop(connection.detach());
            return;
        }
    }
    // sqlx pings here; dropping the connection would do the same without a time limit.
    if timeout(ANSWER_TIMEOUT, connection.return_to_pool()).await.is_err() {
        tracing::warn!(
            dependency = "postgres",
            "Database connection dropped: no answer to a ping"
        );
    }
}
