//! The one kind of transaction that a service writes with.

use super::{Wake, lease::Lease};
use crate::{
    context::Context,
    failpoint,
    messaging::{
        intents::{self, Intent},
        outbox,
    },
};
use serde::Serialize;
use sqlx::PgConnection;
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use uuid::Uuid;

/// A transaction: rows, events and intents that become true together or not at all.
///
/// It dereferences to a [`PgConnection`], so a function of `store.rs` that takes `&mut PgConnection` takes `&mut tx`.
/// Dropping it without [`Tx::commit`] rolls everything back. Never hold one across a network call.
#[derive(Debug)]
pub struct Tx {
    lease: Lease,
    source: &'static str,
    context: Context,
    wake: Arc<Wake>,
    emitted: bool,
    /// Kinds of the intents written.
    intended: Vec<String>,
}

impl Tx {
    pub(super) async fn begin(
        mut lease: Lease,
        source: &'static str,
        context: &Context,
        wake: &Arc<Wake>,
    ) -> Result<Self, sqlx::Error> {
        // Before the statement, so that the ROLLBACK is not forgotten if the caller goes away while it is on its way.
        lease.in_transaction = true;
        sqlx::raw_sql("begin").execute(&mut *lease).await?;
        Ok(Self {
            lease,
            source,
            context: context.clone(),
            wake: Arc::clone(wake),
            emitted: false,
            intended: Vec::new(),
        })
    }

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
        let event_id = outbox::insert(&mut self.lease, self.source, &self.context, event_type, subject, data).await?;
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
        intents::insert(&mut self.lease, &self.context, kind, id, subject, payload).await?;
        self.intended.push(kind.to_owned());
        Ok(())
    }

    /// Marks an intent as done. `false` if its lease has passed to another worker: then roll back, by dropping this.
    pub async fn finish(&mut self, intent: &Intent) -> Result<bool, sqlx::Error> {
        intents::finish(&mut self.lease, intent).await
    }

    /// Takes back an intent whose call was never tried. `false` if it was, or may have been.
    pub async fn withdraw(&mut self, intent_id: Uuid) -> Result<bool, sqlx::Error> {
        intents::withdraw(&mut self.lease, intent_id).await
    }

    /// Commits, then wakes the relay and the intent workers if there is something for them.
    ///
    /// Fails if a statement has failed before, whoever kept quiet about it: PostgreSQL then answers COMMIT with a
    /// ROLLBACK that sqlx 0.9.0 takes for success, and an event would be acknowledged that had no effect. Hence the
    /// statement that goes ahead of COMMIT on the same round trip: it fails, and COMMIT is not reached.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        if failpoint::taken("commit-lost", self.source) {
            return Err(failpoint::cut());
        }
        sqlx::raw_sql("select 1; commit").execute(&mut *self.lease).await?;
        self.lease.in_transaction = false;
        if failpoint::taken("commit-unheard", self.source) {
            return Err(failpoint::cut());
        }
        if self.emitted {
            self.wake.relay.notify_one();
        }
        if !self.intended.is_empty() {
            self.wake.intents.send_modify(|written| {
                for kind in self.intended {
                    *written.entry(kind).or_default() += 1;
                }
            });
        }
        Ok(())
    }
}

impl Deref for Tx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.lease
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lease
    }
}
