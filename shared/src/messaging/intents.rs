//! Calls to the outside that are due: written with the event that asks for them, made by a leased worker.

use super::failure::Failure;
use crate::context::Context;
use std::pin::Pin;
use uuid::Uuid;

/// An outside call that is due.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Intent {
    /// Its id, from which the call's idempotency key derives.
    pub id: Uuid,
    /// Which worker performs it.
    pub kind: String,
    /// What it is about.
    pub subject: Uuid,
    /// What the call needs.
    pub payload: serde_json::Value,
    /// How often it has been claimed, this time included.
    pub attempts: i32,
    pub(crate) correlation_id: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) lease: Option<Uuid>,
}

impl Intent {
    /// The context of what the call causes: same story, caused by this intent.
    pub fn context(&self) -> Context {
        Context::caused_by(&self.correlation_id, self.id.to_string(), self.traceparent.clone())
    }
}

/// What performing an intent returns; an error means "ask again later".
pub type PerformFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Makes the call and commits its result together with [`crate::database::Tx::finish`].
pub type Performer<S> = for<'a> fn(&'a S, &'a Intent) -> PerformFuture<'a>;
