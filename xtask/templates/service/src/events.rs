//! The events that this service consumes from `__queue__`.

use crate::{
    app::App,
    domain::{__EntityId__, __SubjectId__},
    published::__Published__,
    store,
};
use messaging::{Consume, Consumer, Envelope, Failure, Tx};
use serde::Deserialize;

/// Declares the service's consumer, with a line for each view.
pub fn consumer() -> Consumer<App> {
    Consumer::of("__queue__").on::<__Consumed__>()
}

/// The fields of `__consumed__` that this service uses.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct __Consumed__ {
    __subject_id__: __SubjectId__,
}

impl Consume<App> for __Consumed__ {
    const TYPES: &'static [&'static str] = &["__consumed__"];

    /// Inserts the row and emits its event. Both commit together with the event's inbox row, or not at all.
    async fn handle(self, _event: &Envelope, _app: &App, tx: &mut Tx) -> Result<(), Failure> {
        let __subject_id__ = self.__subject_id__;
        let __entity_id__ = __EntityId__::new();
        if store::insert(tx, __entity_id__, __subject_id__).await? {
            tx.emit(&__Published__ {
                __entity_id__,
                __subject_id__,
            })
            .await?;
        }
        Ok(())
    }
}
