//! The pool of connections.

use crate::{
    pooled_connection::{PooledConnection, is_alive},
    ready::ReadyConnections,
    signals::Signals,
};
use futures_util::future::BoxFuture;
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// Limit for making a new connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for a check by a fresh connection.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle to the service's database. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    /// One permit for each connection that the pool may have.
    permits: Arc<Semaphore>,
    ready: Arc<ReadyConnections>,
    url: Arc<str>,
    service: &'static str,
    signals: Signals,
}

impl Database {
    /// Prepares a pool of at most `connections_max` connections, which are made on demand.
    ///
    /// `service` is the service's name: `application_name` of the connections, and `source` of its events. Fails only if
    /// `url` is not a PostgreSQL URL.
    pub fn new(url: &str, service: &'static str, connections_max: u32) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(CONNECT_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, rest| Box::pin(is_alive(connection, rest.idle_for)))
            .connect_lazy_with(options(url, service)?);
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(connections_max as usize)),
            ready: Arc::default(),
            url: url.into(),
            service,
            signals: Signals::default(),
        })
    }

    /// Checks a connection out, for reads and for single statements that need no transaction.
    ///
    /// Fails with `PoolTimedOut` after 3 s without one. The future is boxed, so that it is compiled here and not in each service.
    pub fn acquire(&self) -> BoxFuture<'_, Result<PooledConnection, sqlx::Error>> {
        Box::pin(PooledConnection::acquire(&self.pool, &self.permits, &self.ready))
    }

    /// Opens a connection beside the pool, for a lock that lives as long as the connection, or for a migration.
    pub fn connect(&self) -> BoxFuture<'_, Result<PgConnection, sqlx::Error>> {
        Box::pin(async {
            let connecting = async { PgConnection::connect_with(&options(&self.url, self.service)?).await };
            timeout(CONNECT_TIMEOUT, connecting)
                .await
                .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        })
    }

    /// Opens a connection that listens for notifications, beside the pool.
    pub fn listener(&self) -> BoxFuture<'_, Result<PgListener, sqlx::Error>> {
        Box::pin(async {
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_TIMEOUT);
            PgListener::connect_with(&pool.connect_lazy_with(options(&self.url, self.service)?)).await
        })
    }

    /// Checks by a fresh connection that the server can be reached, lets this program in, and answers. The pool says less:
    /// its connections outlive a changed password, and may all be busy.
    pub fn check(&self) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async {
            let checking = async {
                let mut connection = self.connect().await?;
                sqlx::raw_sql("select 1").execute(&mut connection).await?;
                connection.close().await
            };
            timeout(CHECK_TIMEOUT, checking)
                .await
                .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        })
    }

    /// Returns the number of open connections, and how many of them are idle.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle() + self.ready.len())
    }

    /// Returns the service's name, which is the `source` of its events.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Returns the signals that commits of this process send to its background workers.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// Closes the pool. What is checked out is closed when it comes back.
    pub async fn close(&self) {
        self.ready.close();
        self.pool.close().await;
    }
}

/// Limits that keep a statement from hanging and a forgotten transaction from holding locks; and no compilation of statements.
/// PostgreSQL compiles what it estimates as costly (also what it was told to avoid, such as a sort with `enable_sort` off),
/// which takes 50 ms and more, for statements of a service that take one.
fn options(url: &str, service: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.application_name(service).options([
        ("statement_timeout", "20s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("jit", "off"),
    ]))
}

/// Leaves out the URL, which holds the password.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}
