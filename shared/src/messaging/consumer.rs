//! Takes deliveries from the service's queue, one transaction for each: inbox row, effect, new outbox rows.

use super::{envelope::Envelope, failure::Failure};
use crate::database::Tx;
use std::pin::Pin;

/// What a handler of an event returns.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Handles one event of one type inside `Tx`, in which the inbox row already stands; the consumer commits afterwards.
pub type Handler<S> = for<'a> fn(&'a S, &'a mut Tx, &'a Envelope) -> HandlerFuture<'a>;

/// Handles a batch of events of any type inside one transaction.
pub type BatchHandler<S> = for<'a> fn(&'a S, &'a mut Tx, &'a [Envelope]) -> HandlerFuture<'a>;
