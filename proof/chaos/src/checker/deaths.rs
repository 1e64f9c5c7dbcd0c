//! The messages that are meant to die.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What the run itself has done to the platform on purpose.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Rubbish that was published and must be found among the dead letters, and nowhere else.
    pub poison: Vec<Poison>,
}

/// One message of rubbish. Sent several times, it may be found several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// Byte for byte as it was published.
    pub body: Vec<u8>,
    /// The queues that it reaches, e.g. `payment-queue`.
    pub queues: Vec<String>,
    /// Whether the broker said that it has it. If not, it may be found all the same, but need not.
    pub published: bool,
}

impl Poison {
    /// The event that it pretends to be, if it does.
    pub(super) fn event_id(&self) -> Option<Uuid> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["metadata"]["eventId"].as_str()?.parse().ok()
    }
}

/// The id of the event that these bytes are; `None` where anything is missing that an event has.
pub(super) fn event_id(body: &[u8]) -> Option<Uuid> {
    let event: Envelope = serde_json::from_slice(body).ok()?;
    Some(event.metadata.event_id)
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they have to be there")]
struct Envelope {
    #[serde(rename = "type")]
    event_type: String,
    data: Value,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "they have to be there")]
struct Metadata {
    event_id: Uuid,
    timestamp: DateTime<Utc>,
    source: String,
    version: String,
    correlation_id: String,
    causation_id: String,
    subject: Uuid,
    sequence: i64,
}
