//! Reliable messaging over RabbitMQ: delivery at least once, effects in our databases once.
//!
//! The way of an event: [`crate::database::Tx::emit`] writes it to the [`outbox`] beside the rows it tells of; the
//! [`relay`] publishes it and forgets it only after the broker's confirm; the [`consumer`] of another service inserts it
//! into its inbox in the same transaction as its effect, and acknowledges after the commit. What cannot be handled goes
//! through retry queues to [`dead_letters`]. Calls to the outside are [`intents`].

pub mod broker;
pub mod consumer;
pub mod dead_letters;
pub mod envelope;
pub mod failure;
pub mod health;
mod inbox;
pub mod intents;
pub mod leader;
pub mod outbox;
mod persist;
pub mod relay;
pub(crate) mod retention;
pub mod retry;
mod subscription;

/// The topic exchange that every event goes through.
pub const EXCHANGE: &str = "platform-events";
