//! What the broker says of itself: who must get which event, and what has not been taken yet.

use serde::Deserialize;
use std::fmt;

const EXCHANGE: &str = "platform-events";

/// Bindings and queues.
#[derive(Debug, Default)]
pub(in crate::checker) struct Broker {
    pub(in crate::checker) bindings: Vec<Binding>,
    pub(in crate::checker) queues: Vec<Queue>,
}

/// A queue gets what matches the pattern.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::checker) struct Binding {
    pub(in crate::checker) source: String,
    #[serde(rename = "destination")]
    pub(in crate::checker) queue: String,
    #[serde(rename = "routing_key")]
    pub(in crate::checker) pattern: String,
}

impl Binding {
    /// Whether it is events that it brings.
    pub(super) fn is_of_events(&self) -> bool {
        self.source == EXCHANGE
    }

    /// Whether an event with this routing key goes here.
    pub(in crate::checker) fn takes(&self, routing_key: &str) -> bool {
        let pattern: Vec<&str> = self.pattern.split('.').collect();
        let words: Vec<&str> = routing_key.split('.').collect();
        matches(&pattern, &words)
    }
}

/// AMQP's rule: `*` is any one word, `#` any number of words, also none.
fn matches(pattern: &[&str], words: &[&str]) -> bool {
    match (pattern, words) {
        ([], []) => true,
        (["#", rest @ ..], _) => (0..=words.len()).any(|skipped| matches(rest, &words[skipped..])),
        ([first, rest @ ..], [word, words @ ..]) => (*first == "*" || first == word) && matches(rest, words),
        _ => false,
    }
}

/// A queue and what is in it. A queue that has just been declared has no figures yet.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::checker) struct Queue {
    pub(in crate::checker) name: String,
    #[serde(default, rename = "messages_ready")]
    pub(in crate::checker) ready: Option<u64>,
    #[serde(default, rename = "messages_unacknowledged")]
    pub(in crate::checker) unacknowledged: Option<u64>,
}

impl Queue {
    /// What has no figures is not known to be empty.
    pub(in crate::checker) fn is_empty(&self) -> bool {
        self.ready == Some(0) && self.unacknowledged == Some(0)
    }

    /// Whether dead letters wait here for their service to take them in.
    pub(in crate::checker) fn is_of_dead_letters(&self) -> bool {
        self.name.rsplit_once('.').is_some_and(|(_, kind)| kind == "dlq")
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ready, self.unacknowledged) {
            (Some(ready), Some(unacknowledged)) => {
                write!(f, "{}: {ready} ready, {unacknowledged} unacknowledged", self.name)
            }
            _ => write!(f, "{}: no figures", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_broker_matches_them() {
        let takes = |pattern: &str, key: &str| {
            let binding = Binding {
                source: EXCHANGE.to_owned(),
                queue: "q".to_owned(),
                pattern: pattern.to_owned(),
            };
            binding.takes(key)
        };
        assert!(takes("order.placed", "order.placed"));
        assert!(takes("order.*", "order.placed"));
        assert!(takes("#", "order.placed"));
        assert!(takes("#.placed", "order.placed"));
        assert!(takes("order.#", "order"));
        assert!(!takes("order.*", "order"));
        assert!(!takes("order.*", "order.placed.twice"));
        assert!(!takes("order.placed", "order.failed"));
    }
}
