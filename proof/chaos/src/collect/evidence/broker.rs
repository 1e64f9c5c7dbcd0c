//! The broker's own view: bindings, and the messages that have not been consumed.

use serde::Deserialize;
use std::fmt;

const EXCHANGE: &str = "platform-events";

/// Bindings and queues.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    pub(crate) bindings: Vec<Binding>,
    pub(crate) queues: Vec<Queue>,
}

/// Routes messages whose key matches the pattern to the queue.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Binding {
    pub(crate) source: String,
    #[serde(rename = "destination")]
    pub(crate) queue: String,
    #[serde(rename = "routing_key")]
    pub(crate) pattern: String,
}

impl Binding {
    /// Holds for a binding of the events' exchange.
    pub(crate) fn is_of_events(&self) -> bool {
        self.source == EXCHANGE
    }

    /// Holds if a message with this routing key matches.
    pub(crate) fn routes(&self, routing_key: &str) -> bool {
        let pattern: Vec<&str> = self.pattern.split('.').collect();
        let words: Vec<&str> = routing_key.split('.').collect();
        matches(&pattern, &words)
    }
}

/// AMQP's rule: `*` matches one word, `#` any number of words, none included.
fn matches(pattern: &[&str], words: &[&str]) -> bool {
    match (pattern, words) {
        ([], []) => true,
        (["#", rest @ ..], _) => (0..=words.len()).any(|skipped| matches(rest, &words[skipped..])),
        ([first, rest @ ..], [word, words @ ..]) => (*first == "*" || first == word) && matches(rest, words),
        _ => false,
    }
}

/// A queue and the number of its messages; one that has just been declared has no figures yet.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Queue {
    pub(crate) name: String,
    #[serde(default, rename = "messages_ready")]
    pub(crate) ready: Option<u64>,
    #[serde(default, rename = "messages_unacknowledged")]
    pub(crate) unacknowledged: Option<u64>,
}

impl Queue {
    /// Without figures a queue is not known to be empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready == Some(0) && self.unacknowledged == Some(0)
    }

    /// Holds for a queue of dead letters that wait for their service to store them, or for another try of that.
    pub(crate) fn is_of_dead_letters(&self) -> bool {
        self.name.contains(".dlq")
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
    fn patterns_match_as_in_the_broker() {
        let routes = |pattern: &str, key: &str| {
            let binding = Binding {
                source: EXCHANGE.to_owned(),
                queue: "q".to_owned(),
                pattern: pattern.to_owned(),
            };
            binding.routes(key)
        };
        assert!(routes("order.placed", "order.placed"));
        assert!(routes("order.*", "order.placed"));
        assert!(routes("#", "order.placed"));
        assert!(routes("#.placed", "order.placed"));
        assert!(routes("order.#", "order"));
        assert!(!routes("order.*", "order"));
        assert!(!routes("order.*", "order.placed.twice"));
        assert!(!routes("order.placed", "order.failed"));
    }
}
