//! order-service on a real database and broker, with stand-ins for the two services that it asks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contracts;
mod idempotency;
mod model;
mod placing;
mod reading;
mod saga;
mod support;
mod sweeps;
mod transitions;
