//! Connections on loan from the pool. sqlx asks the server before each loan and after it, without a time limit; here a
//! connection is asked where there is doubt, and given up where no answer comes. See docs/adr/0008-connections.md.

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

/// How long a request or handler waits for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a server may take to answer a connection that comes back, or has rested.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// After a rest of this length a connection may have been closed unnoticed (500 ms as in `HikariCP`: `aliveBypassWindowMs`).
const REST: Duration = Duration::from_millis(500);

/// A connection on loan. Dropped, it goes back to the pool; what it holds of a transaction is rolled back before.
#[derive(Debug)]
pub struct Lease {
    /// `None` only while it is dropped.
    connection: Option<PoolConnection<Postgres>>,
    /// Kept until the connection is back in the pool.
    place: Option<OwnedSemaphorePermit>,
    pub(super) in_transaction: bool,
}

impl Lease {
    /// Waits for one of `places`, of which there are as many as the pool may have connections, then for the connection.
    ///
    /// Whoever gives up leaves the queue for a place: otherwise a service in need would lend connections to those who have
    /// left, before those who still wait. Whoever has a place waits in a task of its own, which goes on when nobody waits
    /// for it any more: a connection under way serves the next. Otherwise a busy machine, on which a connection takes
    /// longer than anybody waits, would make connections for ever and have none.
    pub(super) async fn acquire(pool: &PgPool, places: &Arc<Semaphore>) -> Result<Self, sqlx::Error> {
        let lending = async {
            let place = Arc::clone(places).acquire_owned().await;
            Self::lend(pool.clone(), place.map_err(|_| sqlx::Error::PoolClosed)?).await
        };
        timeout(ACQUIRE_TIMEOUT, lending)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the task is awaited at once, and ends with the pool's time limit"
    )]
    async fn lend(pool: PgPool, place: OwnedSemaphorePermit) -> Result<Self, sqlx::Error> {
        let lending = tokio::spawn(async move {
            pool.acquire().await.map(|connection| Self {
                connection: Some(connection),
                place: Some(place),
                in_transaction: false,
            })
        });
        lending.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

impl Deref for Lease {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.connection.as_deref().expect("it is there until the drop")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_deref_mut().expect("it is there until the drop")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let (Some(connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) {
            let (place, in_transaction) = (self.place.take(), self.in_transaction);
            runtime.spawn(async move {
                give_back(connection, in_transaction).await;
                drop(place);
            });
        }
    }
}

/// Whatever fails or takes too long here closes the connection, which makes the server roll back as well, and leaves its
/// place in the pool to a new one.
async fn give_back(mut connection: PoolConnection<Postgres>, in_transaction: bool) {
    if in_transaction {
        let rollback = sqlx::raw_sql("rollback").execute(&mut *connection);
        if !matches!(timeout(ANSWER_TIMEOUT, rollback).await, Ok(Ok(_))) {
            drop(connection.detach());
            return;
        }
    }
    // sqlx asks here whether the server still answers; dropping the connection would do the same without a time limit.
    if timeout(ANSWER_TIMEOUT, connection.return_to_pool()).await.is_err() {
        tracing::warn!("a database connection is given up: its server does not answer");
    }
}

/// Whether a connection that has rested is still good.
pub(super) async fn test_after_rest(connection: &mut PgConnection, rest: Duration) -> Result<bool, sqlx::Error> {
    if rest < REST {
        return Ok(true);
    }
    match timeout(ANSWER_TIMEOUT, connection.ping()).await {
        Ok(answer) => answer.map(|()| true),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}
