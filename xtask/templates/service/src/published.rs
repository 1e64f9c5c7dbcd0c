//! The events that this service publishes. Their promise to consumers is in `contracts/`.

use crate::domain::{__EntityId__, __SubjectId__};
use messaging::Event;
use serde::Serialize;
use uuid::Uuid;

/// The types of the events below, for the tests that compare them with contracts and topology.
pub const TYPES: [&str; 1] = [__Published__::TYPE];

/// The __subject__ has its row in `__entities__`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct __Published__ {
    pub __entity_id__: __EntityId__,
    pub __subject_id__: __SubjectId__,
}

impl Event for __Published__ {
    const TYPE: &'static str = "__published__";

    fn subject(&self) -> Uuid {
        self.__entity_id__.uuid()
    }
}
