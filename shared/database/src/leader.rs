//! Leader election by a PostgreSQL session lock: one instance at a time.

use crate::{pool::Database, timeout::with_timeout};
use kernel::chain;
use sqlx::PgConnection;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Interval at which a follower tries to take the lock.
const ELECTION_INTERVAL: Duration = Duration::from_millis(500);
/// Idle time after which PostgreSQL ends a frozen leader's session, which frees the lock for another instance.
const IDLE_SESSION_TIMEOUT: &str = "15s";

/// Leadership over one task, held as long as its connection lives.
///
/// Work that must be the leader's alone is done on [`Leader::connection`], or right after [`Leader::check`].
#[derive(Debug)]
pub struct Leader {
    connection: PgConnection,
}

impl Leader {
    /// Waits until this instance is the leader of `task`; `None` if `stop` comes first.
    pub async fn elect(database: &Database, task: &str, stop: &CancellationToken) -> Option<Self> {
        loop {
            match Self::try_acquire(database, task, stop).await {
                Ok(elected) => return elected,
                Err(error) => tracing::warn!(
                    task,
                    dependency = "postgres",
                    error = chain(&error),
                    "Leader election failed"
                ),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(ELECTION_INTERVAL) => {}
            }
        }
    }

    async fn try_acquire(
        database: &Database,
        task: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = database.connect().await?;
        let limit = sqlx::query("select set_config('idle_session_timeout', $1, false)").bind(IDLE_SESSION_TIMEOUT);
        with_timeout(limit.execute(&mut connection)).await?;
        loop {
            let lock = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))").bind(task);
            if with_timeout(lock.fetch_one(&mut connection)).await? {
                tracing::info!(code = "leader.elected", task, "Elected leader");
                return Ok(Some(Self { connection }));
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = tokio::time::sleep(ELECTION_INTERVAL) => {}
            }
        }
    }

    /// Returns the connection that holds the lock. It must be used every few seconds, or PostgreSQL ends it as idle.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Fails if the lock is lost or the database is silent; the caller then drops this and stands for election again.
    pub async fn check(&mut self) -> Result<(), sqlx::Error> {
        with_timeout(sqlx::query("select 1").execute(&mut self.connection))
            .await
            .map(drop)
    }
}
