//! One instance at a time: leadership by a PostgreSQL session lock.

use crate::database::Database;
use sqlx::PgConnection;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a follower asks for the lock.
const ELECTION_INTERVAL: Duration = Duration::from_millis(500);
/// A database that does not answer at all is found out by this: no packet ever ends such a wait, since nothing is sent.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(25);
/// PostgreSQL ends the session of a leader that is frozen for this long, which frees the lock for another.
const IDLE_SESSION_TIMEOUT: &str = "15s";

/// Leadership over one task. It lasts as long as the connection it holds: work that must be the leader's alone is done
/// on [`Leader::connection`], or right after [`Leader::check`].
#[derive(Debug)]
pub struct Leader {
    connection: PgConnection,
}

impl Leader {
    /// Waits until this instance is the leader of `task`; `None` if `stop` comes first.
    pub async fn elect(database: &Database, task: &str, stop: &CancellationToken) -> Option<Self> {
        loop {
            match Self::stand(database, task, stop).await {
                Ok(elected) => return elected,
                Err(error) => tracing::warn!(task, %error, "cannot take part in the election"),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(ELECTION_INTERVAL) => {}
            }
        }
    }

    async fn stand(database: &Database, task: &str, stop: &CancellationToken) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = database.connect().await?;
        let limit = sqlx::query("select set_config('idle_session_timeout', $1, false)").bind(IDLE_SESSION_TIMEOUT);
        answered(limit.execute(&mut connection)).await?;
        loop {
            let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))").bind(task);
            if answered(lock.fetch_one(&mut connection)).await? {
                tracing::info!(task, "elected leader");
                return Ok(Some(Self { connection }));
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(ELECTION_INTERVAL) => {}
            }
        }
    }

    /// The connection that holds the lock. Use it at least every few seconds.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Fails if the lock is lost, or the database is silent; then drop this and be elected again.
    pub async fn check(&mut self) -> Result<(), sqlx::Error> {
        answered(sqlx::query("select 1").execute(&mut self.connection))
            .await
            .map(drop)
    }
}

/// The answer of a database, or an error when there is none in time.
pub(crate) async fn answered<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(ANSWER_TIMEOUT, answer)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
