//! The names of the exchanges and keys that every service uses, as the topology declares them.

/// The topic exchange that every event goes through.
pub const EXCHANGE: &str = "platform-events";

/// The key by which a queue's retry exchange routes a message back to the queue.
pub(crate) const REPLAY_KEY: &str = "replay";

/// Returns the name of a queue's own direct exchange, to which only its service may publish.
pub(crate) fn retry_exchange(queue: &str) -> String {
    format!("{queue}.retry")
}
