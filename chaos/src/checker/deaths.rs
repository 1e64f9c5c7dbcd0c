//! The messages that are meant to die.

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
    /// The queues that it reached, e.g. `payment-queue`.
    pub queues: Vec<String>,
}

impl Poison {
    /// The event that it pretends to be, if it does.
    pub(super) fn event_id(&self) -> Option<Uuid> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["metadata"]["eventId"].as_str()?.parse().ok()
    }
}
