//! The name of the topic exchange, as the topology declares it.

/// The topic exchange that every event goes through.
pub const EXCHANGE: &str = "platform-events";
