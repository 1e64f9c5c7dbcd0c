//! The content of a topology file, and the names that follow from it.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the topology file declares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The topic exchange that every event is published to.
    pub exchange: String,
    /// Number of unacknowledged deliveries after which a message of a work queue becomes a dead letter.
    pub delivery_limit: u64,
    /// The delivery limit of dead-letter queues, out of reach in practice.
    pub dead_letter_delivery_limit: u64,
    /// Delays in milliseconds, ascending; each service's queue has one retry queue per delay.
    pub retry_delays_ms: Vec<u64>,
    /// Thresholds of the queue alarms that `topology watch` raises.
    pub alarms: Alarms,
    /// Services by name, which is also the name of the service's broker user.
    pub services: BTreeMap<String, Service>,
    /// The event catalogue: for each event type (routing key) the queues that it reaches.
    pub events: BTreeMap<String, BTreeSet<String>>,
}

/// Limits that a service's queue stays under in normal operation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarms {
    /// Messages in the queue, ready and unacknowledged.
    pub queue_depth: u64,
    /// Seconds that the oldest message may wait.
    pub oldest_message_s: u64,
}

/// The events that one service consumes and publishes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The service's queue; `None` if it consumes nothing.
    pub queue: Option<String>,
    /// Binding keys from the exchange to the queue.
    #[serde(default)]
    pub bindings: BTreeSet<String>,
    /// Routing keys that this service alone may publish.
    #[serde(default)]
    pub publishes: BTreeSet<String>,
    /// Bound of the queue in bytes of message bodies, above which its oldest messages are dropped; `None` if it has none.
    pub length_bytes_max: Option<u64>,
}

impl Topology {
    /// The part of the topology that belongs to these queues, for tests that need no more.
    #[must_use]
    pub fn only(mut self, queues: &[&str]) -> Self {
        self.services
            .retain(|_, service| service.queue.as_deref().is_some_and(|queue| queues.contains(&queue)));
        for reached in self.events.values_mut() {
            reached.retain(|queue| queues.contains(&queue.as_str()));
        }
        self
    }

    /// The same topology with other retry delays, for tests that cannot wait for minutes.
    #[must_use]
    pub fn with_retry_delays_ms(mut self, delays_ms: &[u64]) -> Self {
        self.retry_delays_ms = delays_ms.to_vec();
        self
    }

    /// Names of the services' queues.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.services.values().filter_map(|service| service.queue.as_deref())
    }
}

/// The direct exchange that routes a queue's messages to its retry queues, its dead-letter queue, and back to it.
pub(crate) fn retry_exchange(queue: &str) -> String {
    format!("{queue}.retry")
}

/// The queue in which a message waits `delay_ms` before it returns to `queue`.
pub(crate) fn retry_queue(queue: &str, delay_ms: u64) -> String {
    format!("{queue}.retry.{delay_ms}ms")
}

/// The queue in which dead letters of `queue` wait until the service stores them in its database.
pub(crate) fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}.dlq")
}

/// The queue in which a dead letter that was rejected in its own queue waits a moment before it returns there.
pub(crate) fn dead_letter_retry_queue(queue: &str) -> String {
    format!("{queue}.dlq.retry")
}
