//! The broker's topology: one file ([`TOPOLOGY`]) says what exists, and this crate makes it so through RabbitMQ's
//! management API. The program `topology` is [`cli`]; tests of other crates use [`Topology`] and [`Broker`]:
//!
//! ```no_run
//! # async fn example() -> Result<(), rabbitmq::Error> {
//! let broker = rabbitmq::Broker::new("http://operator:secret@127.0.0.1:15683", "a-vhost-of-this-test")?;
//! let topology = rabbitmq::Topology::load()?.only(&["order-queue"]).with_retry_delays_ms(&[100, 200]);
//! broker.apply(&topology, None).await?; // creates the vhost; `None`: no users, the operator alone may use it
//! broker.delete_vhost().await?;
//! # Ok(()) }
//! ```

pub use broker::{Applied, Broker, QueueDepth};
pub use difference::{Difference, Remedy};
pub use error::Error;
pub use password::Passwords;
pub use topology::{Alarms, Invalid, Service, TOPOLOGY, Topology};

mod topology;

mod desired;
mod topic;

mod actual;
mod management;
mod password;
mod state;

mod broker;
mod difference;

pub mod cli;
mod watch;

mod error;
