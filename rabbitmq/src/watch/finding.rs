//! Findings of one check: differences, queues that an event does not reach, queue alarms and node alarms.

use crate::{
    broker::Broker,
    difference::{Difference, Remedy},
    error::Error,
    state::State,
    topic,
    topology::{Alarms, Topology, dead_letter_queue},
};
use serde::Deserialize;
use std::time::Duration;

/// One problem that exists at the time of a check. Kind and subject identify it from one check to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) kind: &'static str,
    pub(super) subject: String,
    pub(super) detail: String,
}

pub(super) type Key = (&'static str, String);

impl Finding {
    pub(super) fn new(kind: &'static str, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            detail: detail.into(),
        }
    }

    pub(super) fn key(&self) -> Key {
        (self.kind, self.subject.clone())
    }
}

/// Turns every difference but notes into a finding.
pub(super) fn differences(differences: &[Difference]) -> Vec<Finding> {
    let relevant = differences
        .iter()
        .filter(|difference| difference.remedy() != Remedy::Note);
    relevant
        .map(|difference| Finding::new("difference", difference.object(), difference.problem()))
        .collect()
}

/// Lists the queues that an event does not reach although the catalogue says so. Publishing with `mandatory` cannot show
/// this: the queue that is bound with `#` makes every event routable.
pub(super) fn unreached_queues(topology: &Topology, state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (event, queues) in &topology.events {
        for queue in queues {
            let is_bound = state.bindings.keys().any(|binding| {
                binding.source == topology.exchange
                    && binding.destination_kind == "queue"
                    && binding.destination == *queue
                    && topic::matches(&binding.key, event)
            });
            if !is_bound || !state.queues.contains_key(queue) {
                let detail = format!("does not reach queue {queue:?}: run `topology apply`");
                findings.push(Finding::new(
                    "unreached",
                    format!("event {event:?} for {queue:?}"),
                    detail,
                ));
            }
        }
    }
    findings
}

/// Lists dead-letter queues that are not empty and queues above the depth limit.
pub(super) fn queue_alarms(topology: &Topology, state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    for queue in topology.queues() {
        let messages = |name: &str| state.queues.get(name).map_or(0, |queue| queue.stats.messages);
        let dead_letters = dead_letter_queue(queue);
        if messages(&dead_letters) > 0 {
            let detail = format!(
                "{} dead letters wait for the service to store them",
                messages(&dead_letters)
            );
            findings.push(Finding::new("dead_letters", format!("queue {dead_letters:?}"), detail));
        }
        if messages(queue) > topology.alarms.queue_depth {
            let detail = format!("holds more than {} messages", topology.alarms.queue_depth);
            findings.push(Finding::new("depth", format!("queue {queue:?}"), detail));
        }
    }
    findings
}

pub(super) fn stuck(queue: &str, count: u64) -> Finding {
    let detail = format!("{count} dead letters are stuck: their target does not accept them (messages_dlx)");
    Finding::new("stuck", format!("queue {queue:?}"), detail)
}

pub(super) fn oldest_message(queue: &str, age: Duration, alarms: &Alarms) -> Option<Finding> {
    (age > Duration::from_secs(alarms.oldest_message_s)).then(|| {
        let detail = format!(
            "its oldest message has waited for more than {} s",
            alarms.oldest_message_s
        );
        Finding::new("oldest_message", format!("queue {queue:?}"), detail)
    })
}

/// Reports a queue with a bound from half of it on.
pub(super) fn filling(service: &str, queue: &str, bytes: u64, bytes_max: u64) -> Option<Finding> {
    (bytes > bytes_max / 2).then(|| {
        let detail = format!(
            "is filled to more than half of its {bytes_max} bytes, and drops its oldest messages once it is full: start {service}, or \
             raise its length_bytes_max and run `topology apply`"
        );
        Finding::new("filling", format!("queue {queue:?}"), detail)
    })
}

/// Reports a queue that has dropped messages. It stays reported: what is missing does not come back by itself.
pub(super) fn dropped(service: &str, queue: &str, count: u64) -> Option<Finding> {
    (count > 0).then(|| {
        let detail = format!(
            "was full: about {count} messages were dropped since this watch began. Start {service}, restore what is missing as its \
             README says, then restart `topology watch`"
        );
        Finding::new("dropped", format!("queue {queue:?}"), detail)
    })
}

/// Lists nodes that are down or in alarm. A node in alarm blocks all publishers.
pub(super) async fn node_alarms(broker: &Broker) -> Result<Vec<Finding>, Error> {
    #[derive(Deserialize)]
    struct Node {
        name: String,
        running: bool,
        #[serde(default)]
        mem_alarm: bool,
        #[serde(default)]
        disk_free_alarm: bool,
    }
    let nodes: Vec<Node> = broker.management.get(&["nodes"]).await?;
    let mut findings = Vec::new();
    for Node {
        name,
        running,
        mem_alarm,
        disk_free_alarm,
    } in nodes
    {
        let alarms = [
            (!running, "not_running", "is not running"),
            (mem_alarm, "memory_alarm", "is out of memory and blocks publishers"),
            (
                disk_free_alarm,
                "disk_alarm",
                "is out of disk space and blocks publishers",
            ),
        ];
        let raised = alarms.iter().filter(|(is_raised, ..)| *is_raised);
        findings.extend(raised.map(|(_, kind, detail)| Finding::new(kind, format!("node {name:?}"), *detail)));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::{oldest_message, queue_alarms, unreached_queues};
    use crate::{desired::desired, topology::Topology};
    use std::time::Duration;

    #[test]
    fn a_missing_binding_is_reported_for_each_event_it_routed() {
        let topology = Topology::load().unwrap();
        let mut state = desired(&topology, false);
        assert_eq!(unreached_queues(&topology, &state), []);
        state.bindings.retain(|binding, _| binding.key != "payment.*");
        let unreached: Vec<_> = unreached_queues(&topology, &state)
            .into_iter()
            .map(|finding| finding.subject)
            .collect();
        let expected = ["completed", "failed", "refunded", "voided"]
            .map(|fact| format!("event \"payment.{fact}\" for \"order-queue\""));
        assert_eq!(unreached, expected);
    }

    #[test]
    fn deep_queues_and_dead_letters_are_reported() {
        let topology = Topology::load().unwrap();
        let mut state = desired(&topology, false);
        assert_eq!(queue_alarms(&topology, &state), []);
        state.queues.get_mut("order-queue.dlq").unwrap().stats.messages = 2;
        state.queues.get_mut("payment-queue").unwrap().stats.messages = topology.alarms.queue_depth + 1;
        let kinds: Vec<_> = queue_alarms(&topology, &state)
            .into_iter()
            .map(|finding| finding.kind)
            .collect();
        assert_eq!(kinds, ["dead_letters", "depth"]);
    }

    #[test]
    fn the_age_alarm_is_raised_above_its_limit() {
        let alarms = Topology::load().unwrap().alarms;
        assert_eq!(
            oldest_message("q", Duration::from_secs(alarms.oldest_message_s), &alarms),
            None
        );
        assert!(oldest_message("q", Duration::from_secs(alarms.oldest_message_s + 1), &alarms).is_some());
    }
}
