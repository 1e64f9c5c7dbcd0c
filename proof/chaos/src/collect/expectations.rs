//! The messages that a run has sent in order to see them become dead letters.

use serde_json::Value;
use uuid::Uuid;

/// The deliberate harm that the checker must expect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expectations {
    pub(crate) poison: Vec<Poison>,
}

/// One poison message, which must be found among the dead letters and nowhere else. Sent several times, it may be found
/// several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Poison {
    /// Payload, byte for byte.
    pub(crate) body: Vec<u8>,
    /// The queues that it reaches, such as `payment-queue`.
    pub(crate) queues: Vec<String>,
    /// `true` if the broker has confirmed it. If not, it may be found all the same, but need not.
    pub(crate) published: bool,
}

impl Poison {
    /// A message that was published with this routing key.
    pub(crate) fn new(routing_key: &str, body: &str, published: bool) -> Self {
        let queues: &[&str] = match routing_key {
            "order.placed" => &[
                "notification-queue",
                "inventory-queue",
                "payment-queue",
                "analytics-queue",
            ],
            "order.confirmed" => &["notification-queue", "inventory-queue", "analytics-queue"],
            "payment.completed" => &["order-queue", "analytics-queue"],
            "user.updated" => &["notification-queue", "analytics-queue"],
            _ => &["analytics-queue"],
        };
        Self {
            body: body.as_bytes().to_vec(),
            queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
            published,
        }
    }

    /// The event that it pretends to be, if it does.
    pub(crate) fn event_id(&self) -> Option<Uuid> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["metadata"]["eventId"].as_str()?.parse().ok()
    }
}
