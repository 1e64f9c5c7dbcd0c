//! A time limit for answers of the database.

use std::time::Duration;

/// Longer than any statement may take (`statement_timeout` is 20 s): only a server that is silent runs into it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);

/// Waits for an answer at most 25 s; then fails with `PoolTimedOut`.
///
/// A server that vanished without closing the connection sends no packet that would end such a wait.
pub async fn with_timeout<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(ANSWER_TIMEOUT, answer)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
