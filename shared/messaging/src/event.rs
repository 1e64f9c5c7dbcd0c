//! Events that a service publishes.

use serde::Serialize;
use uuid::Uuid;

/// An event as its publisher declares it: its type, and a payload that serializes to the event's `data`.
///
/// The promise to consumers is the JSON Schema in `contracts/`, against which the publisher's contract test checks it.
pub trait Event: Serialize {
    /// The event's type and routing key: two words, `<entity>.<past_tense>`.
    const TYPE: &'static str;

    /// Returns the id of the entity that the event is about. Events about one subject are published in the order of their
    /// writing.
    fn subject(&self) -> Uuid;
}
