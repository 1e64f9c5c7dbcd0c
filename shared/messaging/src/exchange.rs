//! The exchange.

/// The topic exchange that every event goes through.
pub const EXCHANGE: &str = "platform-events";
