//! Connections that are known to wait for a statement. They are handed out again without a round trip to the server.

use crate::checkin::{IDLE_CHECK_AFTER, checkin};
use sqlx::{Postgres, pool::PoolConnection};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The ready connections, the newest last. sqlx counts them as in use.
#[derive(Debug, Default)]
pub(crate) struct ReadyConnections(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    connections: Vec<Ready>,
    closed: bool,
}

#[derive(Debug)]
struct Ready {
    connection: PoolConnection<Postgres>,
    /// When sqlx handed it out.
    since: Instant,
    idle_since: Instant,
}

impl ReadyConnections {
    /// Takes the connection that was used last. If it has been idle for so long that there is doubt, all go back to sqlx,
    /// which asks the server.
    pub(crate) fn pop(&self) -> Option<(PoolConnection<Postgres>, Instant)> {
        let mut state = self.lock();
        let newest = state.connections.pop()?;
        if newest.idle_since.elapsed() < IDLE_CHECK_AFTER {
            return Some((newest.connection, newest.since));
        }
        let others = std::mem::take(&mut state.connections);
        for idle in others.into_iter().chain([newest]) {
            give_back(idle.connection);
        }
        None
    }

    /// Keeps a connection; gives it back to the caller after [`close`](Self::close).
    pub(crate) fn push(
        &self,
        connection: PoolConnection<Postgres>,
        since: Instant,
    ) -> Result<(), PoolConnection<Postgres>> {
        let mut state = self.lock();
        if state.closed {
            return Err(connection);
        }
        state.connections.push(Ready {
            connection,
            since,
            idle_since: Instant::now(),
        });
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().connections.len()
    }

    /// Gives all back to sqlx, and keeps none from now on.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for ready in state.connections.drain(..) {
            give_back(ready.connection);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "the task ends with its time limit")]
fn give_back(connection: PoolConnection<Postgres>) {
    tokio::spawn(checkin(connection, false));
}
