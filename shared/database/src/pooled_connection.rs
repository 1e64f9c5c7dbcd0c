//! Connections checked out of the pool.
//!
//! sqlx asks the server before each checkout and after it, without a time limit. Here a connection is asked only where
//! there is doubt, and given up where no answer comes. See docs/adr/0008-connections.md.

use sqlx::{Connection, PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Limit for a checkout; after it the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Limit for the server's answer to a rollback or a ping.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle time after which a connection is pinged before it is handed out, since a server may have closed it unnoticed (500 ms
/// as in `HikariCP`: `aliveBypassWindowMs`).
const IDLE_CHECK_AFTER: Duration = Duration::from_millis(500);

/// A connection checked out of the pool. Dropping it returns it; an open transaction is rolled back first.
#[derive(Debug)]
pub struct PooledConnection {
    /// `None` only during the drop.
    connection: Option<PoolConnection<Postgres>>,
    /// Held until the connection is back in the pool.
    permit: Option<OwnedSemaphorePermit>,
    in_transaction: bool,
}

impl PooledConnection {
    /// Waits for one of `permits`, of which there are as many as the pool may have connections, then for the connection.
    ///
    /// A caller that times out also leaves the permit queue; otherwise an overloaded service hands connections to callers
    /// that are gone, ahead of those still waiting. After the permit, the checkout runs in a task of its own that outlives
    /// its caller, so that a connection under way serves the next one; otherwise a busy machine, on which a connection
    /// takes longer than any caller waits, would keep making connections and never have one.
    pub(crate) async fn acquire(pool: &PgPool, permits: &Arc<Semaphore>) -> Result<Self, sqlx::Error> {
        let acquiring = async {
            let permit = Arc::clone(permits).acquire_owned().await;
            Self::checkout(pool.clone(), permit.map_err(|_| sqlx::Error::PoolClosed)?).await
        };
        timeout(ACQUIRE_TIMEOUT, acquiring)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the task is awaited at once, and ends with the pool's time limit"
    )]
    async fn checkout(pool: PgPool, permit: OwnedSemaphorePermit) -> Result<Self, sqlx::Error> {
        let checkout = tokio::spawn(async move {
            pool.acquire().await.map(|connection| Self {
                connection: Some(connection),
                permit: Some(permit),
                in_transaction: false,
            })
        });
        checkout.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Notes that a transaction is open, or no longer. While it is, dropping the connection rolls it back.
    pub fn set_in_transaction(&mut self, in_transaction: bool) {
        self.in_transaction = in_transaction;
    }
}

impl Deref for PooledConnection {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.connection
            .as_deref()
            .expect("a connection is taken out only by the drop")
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection
            .as_deref_mut()
            .expect("a connection is taken out only by the drop")
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if let (Some(connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) {
            let (permit, in_transaction) = (self.permit.take(), self.in_transaction);
            runtime.spawn(async move {
                checkin(connection, in_transaction).await;
                drop(permit);
            });
        }
    }
}

/// Returns a connection to the pool.
///
/// A failure or a timeout closes the connection instead: the server then rolls back as well, and the pool may open a new
/// connection in its stead.
async fn checkin(mut connection: PoolConnection<Postgres>, in_transaction: bool) {
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

/// Pings a connection that has been idle for `idle_for`, if that is long enough to doubt it.
pub(crate) async fn is_alive(connection: &mut PgConnection, idle_for: Duration) -> Result<bool, sqlx::Error> {
    if idle_for < IDLE_CHECK_AFTER {
        return Ok(true);
    }
    match timeout(ANSWER_TIMEOUT, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}
