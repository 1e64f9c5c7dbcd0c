//! The transaction that a service writes with.

use crate::{
    envelope::Envelope,
    event::Event,
    inbox,
    jobs::{self, Job, JobClaim},
    outbox::{self, Unsent},
};
use database::{Database, PooledConnection};
use kernel::{context::Context, failpoint};
use sqlx::PgConnection;
use std::{
    collections::BTreeSet,
    io,
    ops::{Deref, DerefMut},
};
use uuid::Uuid;

/// A transaction whose rows, events and jobs commit together or not at all.
///
/// It dereferences to a [`PgConnection`], so a function of `store.rs` that takes `&mut PgConnection` takes `&mut tx`.
/// Dropping it without [`Tx::commit`] rolls everything back. Never hold one across a network call.
#[derive(Debug)]
pub struct Tx {
    connection: PooledConnection,
    database: Database,
    context: Context,
    /// True if events are inserted together, before the commit.
    collecting: bool,
    unsent: Vec<Unsent>,
    emitted: bool,
    /// Kinds of the jobs enqueued.
    enqueued: BTreeSet<&'static str>,
}

impl Tx {
    /// Begins a transaction on behalf of `context`.
    pub async fn begin(database: &Database, context: &Context) -> Result<Self, sqlx::Error> {
        Self::begin_by("begin", database, context).await
    }

    /// Begins the transaction of a batch by these statements, which may set limits after `begin`, on the same round trip. Its
    /// events are collected, and inserted together.
    pub(crate) async fn begin_collecting(
        statements: &'static str,
        database: &Database,
        context: &Context,
    ) -> Result<Self, sqlx::Error> {
        let tx = Self::begin_by(statements, database, context).await?;
        Ok(Self { collecting: true, ..tx })
    }

    /// Begins a transaction by these statements.
    pub(crate) async fn begin_by(
        statements: &'static str,
        database: &Database,
        context: &Context,
    ) -> Result<Self, sqlx::Error> {
        let mut connection = database.acquire().await?;
        // Before the statement, so that the ROLLBACK is not forgotten if the caller is dropped while it is on its way.
        connection.begins();
        sqlx::raw_sql(statements).execute(&mut *connection).await?;
        Ok(Self {
            connection,
            database: database.clone(),
            context: context.clone(),
            collecting: false,
            unsent: Vec::new(),
            emitted: false,
            enqueued: BTreeSet::new(),
        })
    }

    /// Returns the correlation, causation and trace that this transaction's events carry.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Changes the context for the events that follow; a sweep works on behalf of many in turn.
    pub fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    /// Adds an event to the outbox; it is published after, and only after, the commit. Returns its `eventId`.
    ///
    /// In a batch of a consumer it is inserted with the events of the whole batch, before the commit; [`Tx::flush`] inserts it
    /// earlier.
    pub async fn emit<E: Event>(&mut self, event: &E) -> Result<Uuid, sqlx::Error> {
        self.send(Unsent::event(self.database.service(), &self.context, event)?)
            .await
    }

    /// Adds an event to the outbox that comes back to this service: the relay publishes it to `queue`, one of its own, and to
    /// nothing else. Whatever waited in the outbox and in the queue before it comes first.
    ///
    /// It is no fact for others: it is not recorded as published, has no sequence number, and needs no entry in the topology.
    pub async fn loop_back<E: Event>(&mut self, queue: &str, event: &E) -> Result<Uuid, sqlx::Error> {
        self.send(Unsent::loop_back(self.database.service(), &self.context, queue, event)?)
            .await
    }

    async fn send(&mut self, event: Unsent) -> Result<Uuid, sqlx::Error> {
        let event_id = event.event_id();
        self.unsent.push(event);
        if !self.collecting {
            self.flush().await?;
        }
        Ok(event_id)
    }

    /// Inserts the collected events into the outbox, for a handler that reads it.
    pub async fn flush(&mut self) -> Result<(), sqlx::Error> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let mut events = std::mem::take(&mut self.unsent);
        outbox::insert(&mut self.connection, &mut events).await?;
        self.emitted = true;
        Ok(())
    }

    /// Deletes the inbox row of an event in its own handler, so that a frequent one does not fill the inbox. For handlers that
    /// recognise a repetition by their own rows.
    pub async fn forget(&mut self, event: &Envelope) -> Result<(), sqlx::Error> {
        inbox::delete(&mut self.connection, event.metadata.event_id).await
    }

    /// Enqueues a job. `id` is its idempotency key: enqueueing twice with the same id is enqueueing once.
    pub async fn enqueue<J: Job>(&mut self, id: Uuid, subject: Uuid, job: &J) -> Result<(), sqlx::Error> {
        jobs::insert(&mut self.connection, &self.context, id, subject, job).await?;
        self.enqueued.insert(J::KIND);
        Ok(())
    }

    /// Marks a job as completed. Returns `false` if its lease has passed to another worker; the caller then rolls back by
    /// dropping the transaction.
    pub async fn complete(&mut self, claim: &JobClaim) -> Result<bool, sqlx::Error> {
        jobs::complete(&mut self.connection, claim).await
    }

    /// Cancels a job that was never attempted. Returns `false` if it was, or may have been.
    pub async fn cancel_job(&mut self, id: Uuid) -> Result<bool, sqlx::Error> {
        jobs::cancel(&mut self.connection, id).await
    }

    /// Commits, then signals the relay and the job workers if there is work for them.
    ///
    /// Fails if a statement has failed before, even if its error was ignored: PostgreSQL then answers COMMIT with a
    /// ROLLBACK that sqlx 0.9.0 takes for success, and an event would be acknowledged that had no effect. Hence the
    /// statement that goes ahead of COMMIT on the same round trip: it fails, and COMMIT is not reached.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.flush().await?;
        let service = self.database.service();
        if failpoint::taken("commit-lost", service) {
            return Err(connection_reset());
        }
        sqlx::raw_sql("select 1; commit").execute(&mut *self.connection).await?;
        self.connection.has_ended();
        if failpoint::taken("commit-unheard", service) {
            return Err(connection_reset());
        }
        if self.emitted {
            self.database.signals().notify(outbox::TOPIC);
        }
        for kind in self.enqueued {
            self.database.signals().notify(kind);
        }
        Ok(())
    }
}

/// The error of a connection that is cut, for failpoints.
fn connection_reset() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::ConnectionReset.into())
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
