//! What an operator should know: differences, events that do not arrive, dead letters, full queues, broker alarms.

use std::time::Duration;

use serde::Deserialize;

use crate::state::State;
use crate::topology::{Alarms, dead_letter_queue};
use crate::{Broker, Difference, Error, Remedy, Topology, topic};

/// One thing that is wrong now. Its kind and subject say whether it is the same as at the last look.
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

pub(super) fn of_differences(differences: &[Difference]) -> Vec<Finding> {
    let real = differences
        .iter()
        .filter(|difference| difference.remedy() != Remedy::Note);
    real.map(|difference| Finding::new("difference", difference.object(), difference.problem()))
        .collect()
}

/// Publishing with `mandatory` shows nothing here: the queue that takes every event makes every event routable.
pub(super) fn of_reach(topology: &Topology, state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (event, queues) in &topology.events {
        for queue in queues {
            let leads_there = state.bindings.keys().any(|binding| {
                binding.source == topology.exchange
                    && binding.destination_kind == "queue"
                    && binding.destination == *queue
                    && topic::matches(&binding.key, event)
            });
            if !leads_there || !state.queues.contains_key(queue) {
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

pub(super) fn of_figures(topology: &Topology, state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    for queue in topology.queues() {
        let messages = |name: &str| state.queues.get(name).map_or(0, |queue| queue.figures.messages);
        let dead = dead_letter_queue(queue);
        if messages(&dead) > 0 {
            let detail = format!("{} dead letters wait for the service to take them in", messages(&dead));
            findings.push(Finding::new("dead_letters", format!("queue {dead:?}"), detail));
        }
        if messages(queue) > topology.alarms.queue_depth {
            let detail = format!("holds more than {} messages", topology.alarms.queue_depth);
            findings.push(Finding::new("depth", format!("queue {queue:?}"), detail));
        }
    }
    findings
}

pub(super) fn of_stuck(queue: &str, count: u64) -> Finding {
    let detail = format!("{count} dead letters are stuck: their target does not take them (messages_dlx)");
    Finding::new("stuck", format!("queue {queue:?}"), detail)
}

pub(super) fn of_age(queue: &str, age: Duration, alarms: &Alarms) -> Option<Finding> {
    (age > Duration::from_secs(alarms.oldest_message_s)).then(|| {
        let detail = format!("its oldest message waits for more than {} s", alarms.oldest_message_s);
        Finding::new("oldest_message", format!("queue {queue:?}"), detail)
    })
}

/// A node in alarm lets nobody publish.
pub(super) async fn of_nodes(broker: &Broker) -> Result<Vec<Finding>, Error> {
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
        let states = [
            (!running, "not_running", "does not run"),
            (mem_alarm, "memory_alarm", "is out of memory and blocks publishers"),
            (
                disk_free_alarm,
                "disk_alarm",
                "is out of disk space and blocks publishers",
            ),
        ];
        let wrong = states.iter().filter(|(is_so, ..)| *is_so);
        findings.extend(wrong.map(|(_, kind, detail)| Finding::new(kind, format!("node {name:?}"), *detail)));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{of_age, of_figures, of_reach};
    use crate::Topology;
    use crate::desired::desired;

    #[test]
    fn an_event_is_missed_when_its_binding_is() {
        let topology = Topology::load().unwrap();
        let mut state = desired(&topology, false);
        assert_eq!(of_reach(&topology, &state), []);
        state.bindings.retain(|binding, _| binding.key != "payment.*");
        let missed: Vec<_> = of_reach(&topology, &state)
            .into_iter()
            .map(|finding| finding.subject)
            .collect();
        let expected = ["completed", "failed", "refunded", "voided"]
            .map(|fact| format!("event \"payment.{fact}\" for \"order-queue\""));
        assert_eq!(missed, expected);
    }

    #[test]
    fn full_queues_and_dead_letters_are_told() {
        let topology = Topology::load().unwrap();
        let mut state = desired(&topology, false);
        assert_eq!(of_figures(&topology, &state), []);
        state.queues.get_mut("order-queue.dlq").unwrap().figures.messages = 2;
        state.queues.get_mut("payment-queue").unwrap().figures.messages = topology.alarms.queue_depth + 1;
        let kinds: Vec<_> = of_figures(&topology, &state)
            .into_iter()
            .map(|finding| finding.kind)
            .collect();
        assert_eq!(kinds, ["dead_letters", "depth"]);
    }

    #[test]
    fn age_alarms_above_its_limit() {
        let alarms = Topology::load().unwrap().alarms;
        assert_eq!(of_age("q", Duration::from_secs(alarms.oldest_message_s), &alarms), None);
        assert!(of_age("q", Duration::from_secs(alarms.oldest_message_s + 1), &alarms).is_some());
    }
}
