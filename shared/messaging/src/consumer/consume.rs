//! Handlers of events.

use crate::{envelope::Envelope, failure::Failure, tx::Tx};
use serde::de::DeserializeOwned;
use std::pin::Pin;

/// An event that a service consumes, as its own small view of the payload: the fields it uses, and no others.
pub trait Consume<App>: DeserializeOwned + Send {
    /// The types of event that are read into this view.
    const TYPES: &'static [&'static str];

    /// Applies the event inside `tx`, in which its inbox row already stands. The consumer commits afterwards.
    fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The future of a handler.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// A handler of a batch of events of any type, inside one transaction.
pub type BatchHandler<App> = for<'a> fn(&'a App, &'a mut Tx, &'a [Envelope]) -> HandlerFuture<'a>;

/// A handler of one event whose view is already chosen.
pub(super) type Handler<App> = for<'a> fn(&'a App, &'a mut Tx, &'a Envelope) -> HandlerFuture<'a>;

/// Reads the event into its view, and hands it over.
pub(super) fn dispatch<'a, App: Sync, View: Consume<App>>(
    app: &'a App,
    tx: &'a mut Tx,
    event: &'a Envelope,
) -> HandlerFuture<'a> {
    Box::pin(async move { event.data::<View>()?.handle(event, app, tx).await })
}
