//! The RabbitMQ topology of the platform, and the program that applies it.
//!
//! One file ([`TOPOLOGY`]) declares exchanges, queues, bindings, policies, users and permissions. [`Broker`] compares a
//! vhost with it, or brings the vhost to it, through RabbitMQ's management API. The program `topology` is [`cli`]; tests
//! of other crates use [`Topology`] and [`Broker`] directly:
//!
//! ```no_run
//! # async fn example() -> Result<(), rabbitmq::Error> {
//! let broker = rabbitmq::Broker::new("http://operator:secret@127.0.0.1:15683", "a-vhost-of-this-test")?;
//! let topology = rabbitmq::Topology::load()?.only(&["order-queue"]).with_retry_delays_ms(&[100, 200]);
//! broker.apply(&topology, None).await?; // creates the vhost; `None`: no service users, only the operator has access
//! broker.delete_vhost().await?;
//! # Ok(()) }
//! ```
//!
//! The path of a comparison: `topology_file` parses and `validation` checks the file, `desired` turns it into a `State`,
//! `actual` reads the broker's `State`, `compare` lists each `Difference` with its repair, and `broker` sends the repairs.

pub use broker::{Applied, Broker, QueueDepth};
pub use difference::{Difference, Remedy};
pub use error::Error;
pub use password::Passwords;
pub use topology::{Alarms, Service, Topology};
pub use topology_file::TOPOLOGY;
pub use validation::Invalid;

mod error;

mod topic;
mod topology;
mod topology_file;
mod validation;

mod actual;
mod desired;
mod management;
mod password;
mod state;

mod broker;
mod compare;
mod difference;

pub mod cli;
mod watch;
