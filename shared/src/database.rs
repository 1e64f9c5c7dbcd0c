//! The service's own PostgreSQL database: a pool of connections, and [`Tx`], the one kind of transaction that the service
//! writes with.

mod lease;
mod probe;
mod tx;

pub use lease::Lease;
pub(crate) use probe::Probe;
pub use tx::Tx;

use crate::context::Context;
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use tokio::sync::{Notify, Semaphore, watch};

/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A handle to the service's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    /// One for each connection that the pool may have.
    places: Arc<Semaphore>,
    url: Arc<str>,
    source: &'static str,
    wake: Arc<Wake>,
}

/// Tells the relay and the intent workers of this process that a commit has given them work.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    pub(crate) relay: Notify,
    /// How many commits have brought intents of each kind.
    pub(crate) intents: watch::Sender<HashMap<String, u64>>,
}

impl Database {
    /// Prepares a pool of at most `connections_max`; `source` is the service's name as it stands in its events.
    /// Connections are made when they are needed. Fails only if `url` is not a PostgreSQL URL.
    pub fn new(url: &str, source: &'static str, connections_max: u32) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, rest| Box::pin(lease::test_after_rest(connection, rest.idle_for)))
            .connect_lazy_with(options(url, source)?);
        Ok(Self {
            pool,
            places: Arc::new(Semaphore::new(connections_max as usize)),
            url: url.into(),
            source,
            wake: Arc::default(),
        })
    }

    /// A connection for reads, and for single statements that need no transaction. `PoolTimedOut` after 3 s without one.
    pub async fn acquire(&self) -> Result<Lease, sqlx::Error> {
        Lease::acquire(&self.pool, &self.places).await
    }

    /// How many connections are open, and how many of them are at rest.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// The service's name as it stands in its events.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// A connection of its own, beside the pool, for a lock that lives as long as it, or a migration.
    pub(crate) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connecting = async { PgConnection::connect_with(&options(&self.url, self.source)?).await };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    pub(crate) fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Begins a transaction on behalf of `context`.
    pub async fn begin(&self, context: &Context) -> Result<Tx, sqlx::Error> {
        Tx::begin(self.acquire().await?, self.source, context, &self.wake).await
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// No statement may hang, and no forgotten transaction may hold locks.
fn options(url: &str, source: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.application_name(source).options([
        ("statement_timeout", "20s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ]))
}

/// Without the URL, which holds the password.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
