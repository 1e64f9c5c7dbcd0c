//! The service's own PostgreSQL database: the pool, and [`Tx`], the one kind of transaction that the service writes with.

use crate::{
    context::Context,
    failpoint,
    messaging::{intents::Intent, outbox},
};
use serde::Serialize;
use sqlx::{
    Connection, PgConnection, PgPool, Postgres,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Notify, watch};

use uuid::Uuid;

/// How long a request or handler waits for a connection before the database counts as away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle to the service's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    url: Arc<str>,
    source: &'static str,
    wake: Arc<Wake>,
}

/// Tells the relay and the intent workers of this process that a commit has given them work.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    pub(crate) relay: Notify,
    pub(crate) intents: watch::Sender<()>,
}

/// A transaction: rows, events and intents that become true together or not at all.
///
/// It dereferences to a [`PgConnection`], so a function of `store.rs` that takes `&mut PgConnection` takes `&mut tx`.
/// Dropping it without [`Tx::commit`] rolls everything back. Never hold one across a network call.
#[derive(Debug)]
pub struct Tx {
    inner: sqlx::Transaction<'static, Postgres>,
    source: &'static str,
    context: Context,
    wake: Arc<Wake>,
    emitted: bool,
    intended: bool,
}

impl Database {
    /// Prepares a pool of at most `connections_max`; `source` is the service's name as it stands in its events.
    /// Connections are made when they are needed. Fails only if `url` is not a PostgreSQL URL.
    pub fn new(url: &str, source: &'static str, connections_max: u32) -> Result<Self, sqlx::Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_release(|connection, _| Box::pin(async move { keep_if_alive(connection).await }))
            .connect_lazy_with(options(url, source)?);
        Ok(Self {
            pool,
            url: url.into(),
            source,
            wake: Arc::default(),
        })
    }

    /// For reads that need no transaction.
    pub fn pool(&self) -> &PgPool {
        &self.pool
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
    ///
    /// BEGIN runs in a task of its own: if the caller is dropped meanwhile (a client that hangs up), sqlx 0.9.0 would
    /// otherwise give the connection back to the pool with the transaction still open (sqlx issue 4385).
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may; the task is awaited at once"
    )]
    pub async fn begin(&self, context: &Context) -> Result<Tx, sqlx::Error> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await }).await;
        let inner = begun.map_err(|_| sqlx::Error::WorkerCrashed)??;
        Ok(Tx {
            inner,
            source: self.source,
            context: context.clone(),
            wake: Arc::clone(&self.wake),
            emitted: false,
            intended: false,
        })
    }
}

impl Tx {
    /// Correlation, causation and trace that this transaction's events will carry.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Changes the context for the events that follow; a sweep works for many stories in turn.
    pub fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    /// Adds an event to the outbox; it is published after, and only after, the commit. Returns its `eventId`.
    ///
    /// `subject` is what the event is about: events about one subject are published in the order of their writing.
    pub async fn emit(&mut self, event_type: &str, subject: Uuid, data: &impl Serialize) -> Result<Uuid, sqlx::Error> {
        let event_id = outbox::insert(&mut self.inner, self.source, &self.context, event_type, subject, data).await?;
        self.emitted = true;
        Ok(event_id)
    }

    /// Writes down that an outside call of this `kind` is due. `id` is the key that the outside may know it by: asking
    /// twice with the same id is asking once.
    pub async fn intend(
        &mut self,
        kind: &str,
        id: Uuid,
        subject: Uuid,
        payload: &impl Serialize,
    ) -> Result<(), sqlx::Error> {
        crate::messaging::intents::insert(&mut self.inner, &self.context, kind, id, subject, payload).await?;
        self.intended = true;
        Ok(())
    }

    /// Marks an intent as done. `false` if its lease has passed to another worker: then roll back, by dropping this.
    pub async fn finish(&mut self, intent: &Intent) -> Result<bool, sqlx::Error> {
        crate::messaging::intents::finish(&mut self.inner, intent).await
    }

    /// Takes back an intent whose call was never tried. `false` if it was, or may have been.
    pub async fn withdraw(&mut self, intent_id: Uuid) -> Result<bool, sqlx::Error> {
        crate::messaging::intents::withdraw(&mut self.inner, intent_id).await
    }

    /// Commits, then wakes the relay and the intent workers if there is something for them.
    ///
    /// Fails if a statement has failed before, whoever kept quiet about it: PostgreSQL then answers COMMIT with a
    /// ROLLBACK that sqlx 0.9.0 takes for success, and an event would be acknowledged that had no effect. No public
    /// function of sqlx says so without asking the server, hence the statement, which costs a round trip.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *self.inner).await?;
        if failpoint::taken("commit-lost", self.source) {
            return Err(failpoint::cut());
        }
        self.inner.commit().await?;
        if failpoint::taken("commit-unheard", self.source) {
            return Err(failpoint::cut());
        }
        if self.emitted {
            self.wake.relay.notify_one();
        }
        if self.intended {
            self.wake.intents.send_replace(());
        }
        Ok(())
    }
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
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

/// A connection whose server has gone silent is closed at once: pinged without a limit, it would keep its place in the
/// pool until TCP gives up on it, which takes a quarter of an hour.
async fn keep_if_alive(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(PING_TIMEOUT, connection.ping()).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolClosed),
    }
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
