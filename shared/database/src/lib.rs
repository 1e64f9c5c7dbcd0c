//! A service's own PostgreSQL database: pooled connections, leader election, in-process commit signals, error classes.
//!
//! Transactions are begun by `messaging::Tx`, which adds the outbox and the jobs.

#![warn(missing_docs)]

mod checkin;
pub mod error;
mod leader;
mod pool;
mod pooled_connection;
mod probe;
mod ready;
mod signals;
mod text_column;
mod timeout;

pub use leader::Leader;
pub use pool::Database;
pub use pooled_connection::PooledConnection;
pub use probe::Probe;
pub use signals::{Signal, Signals};
pub use timeout::with_timeout;

#[doc(hidden)]
pub use sqlx;
