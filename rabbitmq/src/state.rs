//! The objects of one vhost, in the terms of the management API. The desired and the actual state are both a [`State`].

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Everything in a vhost that the topology determines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) vhost_exists: bool,
    /// Full permission of the operator on the vhost, without which nothing else of it can be read.
    pub(crate) operator_has_access: bool,
    pub(crate) exchanges: BTreeMap<String, Exchange>,
    pub(crate) queues: BTreeMap<String, Queue>,
    /// Bindings with the broker's `properties_key` of each, which is needed to remove it.
    pub(crate) bindings: BTreeMap<Binding, String>,
    pub(crate) policies: BTreeMap<String, Policy>,
    pub(crate) operator_policies: BTreeSet<String>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) permissions: BTreeMap<String, Permission>,
    /// Keyed by user and exchange.
    pub(crate) topic_permissions: BTreeMap<(String, String), TopicPermission>,
    pub(crate) disabled_features: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) kind: String,
    pub(crate) durable: bool,
    pub(crate) arguments: Map<String, Value>,
    /// The policy in force. None of the topology's policies applies to an exchange.
    pub(crate) policy: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    pub(crate) durable: bool,
    pub(crate) arguments: Map<String, Value>,
    /// The policies in force, which the broker reports some seconds late.
    pub(crate) policy: Option<String>,
    pub(crate) operator_policy: Option<String>,
    pub(crate) stats: QueueStats,
}

/// Message counts of a queue, some seconds old.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct QueueStats {
    pub(crate) messages: u64,
    /// Bytes of their bodies.
    pub(crate) message_bytes: u64,
    /// Dead letters that their target has not confirmed yet (`messages_dlx`): stuck, if it stays above zero.
    pub(crate) unconfirmed_dead_letters: u64,
    /// Messages that publishers sent since the broker started; those that come back from a retry queue are not counted.
    pub(crate) published: u64,
    /// Acknowledgements since the broker started.
    pub(crate) acknowledged: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binding {
    pub(crate) source: String,
    pub(crate) destination: String,
    /// `queue` or `exchange`.
    pub(crate) destination_kind: String,
    pub(crate) key: String,
    /// Binding arguments, which a topic exchange ignores: no binding of the topology has any.
    pub(crate) has_arguments: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub(crate) pattern: String,
    pub(crate) apply_to: String,
    pub(crate) priority: i64,
    pub(crate) definition: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct User {
    pub(crate) tags: Vec<String>,
    pub(crate) password_hash: String,
    pub(crate) hashing_algorithm: String,
}

impl User {
    pub(crate) fn is_administrator(&self) -> bool {
        self.tags.iter().any(|tag| tag == "administrator")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) configure: String,
    pub(crate) write: String,
    pub(crate) read: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicPermission {
    pub(crate) write: String,
    pub(crate) read: String,
}
