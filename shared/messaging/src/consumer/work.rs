//! The unit of work of a consumer.

use super::consume::{BatchHandler, Handler, HandlerFuture};
use crate::{envelope::Envelope, tx::Tx};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// What handles the events.
#[derive(Debug)]
pub(super) enum Work<App: 'static> {
    /// Each event by the handler of its type. Other types are recorded and have no effect.
    Each(BTreeMap<&'static str, Handler<App>>),
    /// All events of a batch, of any type, by one handler.
    Batches(BatchHandler<App>),
}

/// Work whose handlers know their `App`. It has no type parameter, so that the consumer is compiled once and not in each
/// service.
pub(super) enum BoundWork {
    Each {
        handle: Bound<Envelope>,
        types: BTreeSet<&'static str>,
    },
    Batches(Bound<[Envelope]>),
}

type Bound<E> = Box<dyn for<'a> Fn(&'a mut Tx, &'a E) -> HandlerFuture<'a> + Send + Sync>;

impl<App: Send + Sync + 'static> Work<App> {
    /// Binds the handlers to their `App`.
    pub(super) fn bind(self, app: App) -> BoundWork {
        let app = Arc::new(app);
        match self {
            Self::Each(handlers) => BoundWork::Each {
                types: handlers.keys().copied().collect(),
                handle: Box::new(move |tx, event| {
                    let handler = handlers.get(event.event_type.as_str()).copied();
                    let app = Arc::clone(&app);
                    Box::pin(async move {
                        match handler {
                            Some(handler) => handler(&app, tx, event).await,
                            None => Ok(()),
                        }
                    })
                }),
            },
            Self::Batches(handler) => BoundWork::Batches(Box::new(move |tx, events| {
                let app = Arc::clone(&app);
                Box::pin(async move { handler(&app, tx, events).await })
            })),
        }
    }
}

impl<App> Clone for Work<App> {
    fn clone(&self) -> Self {
        match self {
            Self::Each(handlers) => Self::Each(handlers.clone()),
            Self::Batches(handler) => Self::Batches(*handler),
        }
    }
}

impl fmt::Debug for BoundWork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Each { .. } => "Each",
            Self::Batches(_) => "Batches",
        })
    }
}
