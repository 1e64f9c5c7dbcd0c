//! Reliable messaging over RabbitMQ and PostgreSQL: delivery at least once, effects in the database once.
//!
//! The life of an event: [`Tx::emit`] writes it to the outbox beside the rows it reports; the [`Relay`] publishes it and
//! deletes it only after the broker's confirm; the [`Consumer`] of another service inserts its id into the inbox in the
//! transaction of its effect, and acknowledges after the commit. A delivery that cannot be handled goes through retry queues
//! to the [`dead_letters`]. Calls to the outside are [`Job`]s.

#![warn(missing_docs)]

mod acknowledgements;
pub mod broker;
mod consumer;
pub mod dead_letters;
mod delivery;
pub mod discard;
mod envelope;
mod event;
mod exchange;
mod failure;
pub mod health;
mod hold;
mod inbox;
pub mod jobs;
mod outbox;
mod relay;
mod retention;
mod retry;
mod subscription;
mod tx;

pub use database::Database;
pub use kernel::context::Context;

pub use consumer::{BatchHandler, Consume, Consumer, HandlerFuture};
pub use envelope::{Envelope, Metadata, VERSION};
pub use event::Event;
pub use exchange::EXCHANGE;
pub use failure::Failure;
pub use jobs::{Job, JobClaim, run_worker};
pub use outbox::{BODY_BYTES_MAX, Backlog, RefusedRoute, backlog};
pub use relay::{Relay, RelayReport};
pub use retention::{RETENTION_DAYS, run as run_retention};
pub use retry::RetryPolicy;
pub use tx::Tx;

/// The tables of reliable messaging, as SQL. Each file of `sql/` is a migration of every service, byte for byte.
pub const SCHEMA: &str = concat!(
    include_str!("../sql/0001_messaging.sql"),
    include_str!("../sql/0101_relay.sql"),
    include_str!("../sql/0102_jobs.sql"),
    include_str!("../sql/0103_published.sql"),
    include_str!("../sql/0104_dead_letters.sql"),
);
