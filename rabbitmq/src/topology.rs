//! The topology file: its shape, and what must hold before anything is done with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::Error;

mod check;

pub use check::Invalid;

/// The topology file of the platform, compiled in.
pub const TOPOLOGY: &str = include_str!("../topology.toml");

/// What exists on the broker, as the topology file says it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The topic exchange that every event goes through.
    pub exchange: String,
    /// After so many deliveries without an acknowledgement a message of a work queue becomes a dead letter.
    pub delivery_limit: u64,
    /// The same limit for dead-letter queues, out of reach in practice.
    pub dead_letter_delivery_limit: u64,
    /// One retry queue for each of these, in ascending order.
    pub retry_delays_ms: Vec<u64>,
    /// When `topology watch` raises the alarm.
    pub alarms: Alarms,
    /// By the name of the service, which is also the name of its broker user.
    pub services: BTreeMap<String, Service>,
    /// The catalogue: for each event type (routing key) the queues that it reaches.
    pub events: BTreeMap<String, BTreeSet<String>>,
}

/// Limits that a service's queue should stay under.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarms {
    /// Messages in the queue, ready and unacknowledged.
    pub queue_depth: u64,
    /// Seconds that a message may wait.
    pub oldest_message_s: u64,
}

/// What one service consumes and publishes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its queue, if it consumes anything.
    pub queue: Option<String>,
    /// Binding keys from the exchange to its queue.
    #[serde(default)]
    pub bindings: BTreeSet<String>,
    /// The routing keys that it, and nobody else, may publish.
    #[serde(default)]
    pub publishes: BTreeSet<String>,
}

impl Topology {
    /// The topology of the platform: the file that is compiled in.
    pub fn load() -> Result<Self, Error> {
        Self::parse(TOPOLOGY)
    }

    /// Reads and checks a topology file's text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let topology: Self =
            toml::from_str(text).map_err(|error| Error::Syntax(error.to_string().trim().replace('\n', " ")))?;
        check::check(&topology)?;
        Ok(topology)
    }

    /// The part of the topology that belongs to these queues; for tests that need no more.
    #[must_use]
    pub fn only(mut self, queues: &[&str]) -> Self {
        self.services
            .retain(|_, service| service.queue.as_deref().is_some_and(|queue| queues.contains(&queue)));
        for reached in self.events.values_mut() {
            reached.retain(|queue| queues.contains(&queue.as_str()));
        }
        self
    }

    /// The same topology with other retry delays; for tests that cannot wait for minutes.
    #[must_use]
    pub fn with_retry_delays_ms(mut self, delays_ms: &[u64]) -> Self {
        self.retry_delays_ms = delays_ms.to_vec();
        self
    }

    /// The names of the services' queues.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.services.values().filter_map(|service| service.queue.as_deref())
    }
}

/// The direct exchange through which messages of a queue wait, die and return.
pub(crate) fn retry_exchange(queue: &str) -> String {
    format!("{queue}.retry")
}

/// The queue where a message waits `delay_ms` before it returns to `queue`.
pub(crate) fn retry_queue(queue: &str, delay_ms: u64) -> String {
    format!("{queue}.retry.{delay_ms}ms")
}

/// The queue where dead letters of `queue` wait for the service to take them in.
pub(crate) fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dlq")
}
