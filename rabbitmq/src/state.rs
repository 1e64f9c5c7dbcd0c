//! What exists in one vhost, in the words of the management API. Both the wish and the reality are a [`State`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Everything in a vhost that the topology decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) vhost_exists: bool,
    /// Without it the operator can read nothing else of the vhost.
    pub(crate) operator_may_use_it: bool,
    pub(crate) exchanges: BTreeMap<String, Exchange>,
    pub(crate) queues: BTreeMap<String, Queue>,
    /// With the broker's own name for each, which is needed to remove it.
    pub(crate) bindings: BTreeMap<Binding, String>,
    pub(crate) policies: BTreeMap<String, Policy>,
    pub(crate) operator_policies: BTreeSet<String>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) permissions: BTreeMap<String, Permission>,
    /// By user and exchange.
    pub(crate) topic_permissions: BTreeMap<(String, String), TopicPermission>,
    pub(crate) disabled_features: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchange {
    pub(crate) kind: String,
    pub(crate) durable: bool,
    pub(crate) arguments: Map<String, Value>,
    /// The policy in force: none of ours applies to an exchange.
    pub(crate) policy: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    pub(crate) durable: bool,
    pub(crate) arguments: Map<String, Value>,
    /// The policies in force. The broker tells them some seconds late.
    pub(crate) policy: Option<String>,
    pub(crate) operator_policy: Option<String>,
    pub(crate) figures: Figures,
}

/// How full a queue is, some seconds ago.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) messages: u64,
    /// Dead letters that wait to be confirmed by their target: stuck, if it stays above zero.
    pub(crate) stuck: u64,
    /// Since the broker started.
    pub(crate) acknowledged: u64,
    pub(crate) consumers: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binding {
    pub(crate) source: String,
    pub(crate) destination: String,
    /// `queue` or `exchange`.
    pub(crate) destination_kind: String,
    pub(crate) key: String,
    /// A topic exchange ignores them, so that none of ours has any.
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
