//! Connections checked out of the pool.
//!
//! sqlx asks the server before each checkout and after it, without a time limit. Here a connection is asked only where
//! there is doubt, and given up where no answer comes. See docs/adr/0008-connections.md.

use crate::{
    checkin::{ANSWER_TIMEOUT, IDLE_CHECK_AFTER, checkin},
    ready::ReadyConnections,
};
use sqlx::{Connection, PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Limit for a checkout; after it the database counts as unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time after which a connection goes back to sqlx in any case, which ends it at the end of its lifetime.
const REUSED_MAX: Duration = Duration::from_mins(10);

/// A connection checked out of the pool. Dropping it returns it; an open transaction is rolled back first.
#[derive(Debug)]
pub struct PooledConnection {
    /// `None` only during the drop.
    connection: Option<PoolConnection<Postgres>>,
    /// Held until the connection is back in the pool.
    permit: Option<OwnedSemaphorePermit>,
    in_transaction: bool,
    /// True after a commit, whose answer shows that the server waits for the next statement.
    is_ready: bool,
    ready: Arc<ReadyConnections>,
    /// When sqlx handed it out.
    since: Instant,
}

impl PooledConnection {
    /// Waits for one of `permits`, of which there are as many as the pool may have connections, then for the connection.
    ///
    /// A caller that times out also leaves the permit queue; otherwise an overloaded service hands connections to callers
    /// that are gone, ahead of those still waiting. After the permit, the checkout runs in a task of its own that outlives
    /// its caller, so that a connection under way serves the next one; otherwise a busy machine, on which a connection
    /// takes longer than any caller waits, would keep making connections and never have one.
    pub(crate) async fn acquire(
        pool: &PgPool,
        permits: &Arc<Semaphore>,
        ready: &Arc<ReadyConnections>,
    ) -> Result<Self, sqlx::Error> {
        let acquiring = async {
            let permit = Arc::clone(permits).acquire_owned().await;
            let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
            match ready.pop() {
                Some((connection, since)) => Ok(Self::of(connection, permit, Arc::clone(ready), since)),
                None => Self::checkout(pool.clone(), permit, Arc::clone(ready)).await,
            }
        };
        timeout(ACQUIRE_TIMEOUT, acquiring)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the task is awaited at once, and ends with the pool's time limit"
    )]
    async fn checkout(
        pool: PgPool,
        permit: OwnedSemaphorePermit,
        ready: Arc<ReadyConnections>,
    ) -> Result<Self, sqlx::Error> {
        let checkout = tokio::spawn(async move {
            let connection = pool.acquire().await?;
            Ok(Self::of(connection, permit, ready, Instant::now()))
        });
        checkout.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    fn of(
        connection: PoolConnection<Postgres>,
        permit: OwnedSemaphorePermit,
        ready: Arc<ReadyConnections>,
        since: Instant,
    ) -> Self {
        Self {
            connection: Some(connection),
            permit: Some(permit),
            in_transaction: false,
            is_ready: false,
            ready,
            since,
        }
    }

    /// Notes that a transaction is about to begin. Until its end is noted, dropping the connection rolls it back.
    pub fn begins(&mut self) {
        self.in_transaction = true;
    }

    /// Notes that the server has answered the end of the transaction.
    pub fn has_ended(&mut self) {
        self.in_transaction = false;
        self.is_ready = true;
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
        self.is_ready = false;
        self.connection
            .as_deref_mut()
            .expect("a connection is taken out only by the drop")
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.is_ready && self.since.elapsed() < REUSED_MAX {
            match self.ready.push(connection, self.since) {
                Ok(()) => return,
                Err(refused) => connection = refused,
            }
        }
        let (permit, in_transaction) = (self.permit.take(), self.in_transaction);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                checkin(connection, in_transaction).await;
                drop(permit);
            });
        }
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
