//! The unit of work of a consumer.

use super::consume::{BatchHandler, Handler};
use std::collections::BTreeMap;

/// Each event by itself, or batches.
#[derive(Debug)]
pub(super) enum Work<App: 'static> {
    /// One transaction for each event, by the handler of its type. Other types are recorded and have no effect.
    Each(BTreeMap<&'static str, Handler<App>>),
    /// One transaction for as many events as are waiting.
    Batches(BatchHandler<App>),
}

impl<App> Clone for Work<App> {
    fn clone(&self) -> Self {
        match self {
            Self::Each(handlers) => Self::Each(handlers.clone()),
            Self::Batches(handler) => Self::Batches(*handler),
        }
    }
}
