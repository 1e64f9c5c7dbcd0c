//! What must hold in a topology file. Each refusal says in one line what to do.

use std::collections::BTreeSet;

use super::Topology;
use crate::topic;

const LONGEST_DELAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Why a topology file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A name that would need quoting in the broker's patterns.
    #[error("name {0:?}: use lower-case letters, digits and hyphens only, and start with a letter")]
    Name(String),
    /// Delays that are missing, too long or not ascending.
    #[error("retry_delays_ms {0:?}: give at least one delay, in ascending order, each from 1 ms to 24 h")]
    RetryDelays(Vec<u64>),
    /// A limit of zero would make every message a dead letter.
    #[error("{0} must be at least 1")]
    Limit(&'static str),
    /// Two services with one queue would take each other's messages.
    #[error("queue {queue:?} belongs to {first} and to {second}: give each service a queue of its own")]
    QueueTwice {
        /// The queue.
        queue: String,
        /// One of its services.
        first: String,
        /// Another one.
        second: String,
    },
    /// Bindings need a queue.
    #[error("service {0} has bindings but no queue: add `queue`, or remove `bindings`")]
    BindingsWithoutQueue(String),
    /// A queue without bindings is never filled.
    #[error("service {0} has a queue but no bindings: add `bindings`, or remove `queue`")]
    QueueWithoutBindings(String),
    /// A key that is not `<entity>.<past_tense>`.
    #[error("event {0:?}: use two words of lower-case letters and underscores, as in \"order.placed\"")]
    Key(String),
    /// A binding that no event of the catalogue matches.
    #[error("binding {binding:?} of {service} matches no event: correct it, or add the event to [events]")]
    DeadBinding {
        /// The service.
        service: String,
        /// Its binding.
        binding: String,
    },
    /// A key with two publishers.
    #[error("event {event:?} is published by {first} and by {second}: an event has one publisher")]
    PublishedTwice {
        /// The event.
        event: String,
        /// One publisher.
        first: String,
        /// Another one.
        second: String,
    },
    /// A published key that the catalogue does not know.
    #[error("event {event:?}, published by {service}, is not in [events]: add it with the queues that it reaches")]
    NotInCatalogue {
        /// The event.
        event: String,
        /// Its publisher.
        service: String,
    },
    /// An event of the catalogue without a publisher.
    #[error("event {0:?} of [events] is published by no service: add it to one's `publishes`, or remove it")]
    NoPublisher(String),
    /// The catalogue and the bindings disagree.
    #[error("event {event:?} reaches {bound:?} by the bindings but {named:?} by [events]: correct one of the two")]
    Reach {
        /// The event.
        event: String,
        /// The queues that the bindings lead to.
        bound: BTreeSet<String>,
        /// The queues that the catalogue names.
        named: BTreeSet<String>,
    },
}

pub(super) fn check(topology: &Topology) -> Result<(), Invalid> {
    check_names(topology)?;
    check_limits(topology)?;
    check_queues(topology)?;
    check_publishers(topology)?;
    check_reach(topology)
}

/// Queue, exchange and user names become part of regular expressions: what needs no escaping needs no thought.
fn check_names(topology: &Topology) -> Result<(), Invalid> {
    let names = topology.services.keys().map(String::as_str).chain(topology.queues());
    for name in names.chain([topology.exchange.as_str()]) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
            return Err(Invalid::Name(name.to_owned()));
        }
    }
    for event in topology.events.keys() {
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if event.split('.').count() != 2 || !event.split('.').all(is_word) {
            return Err(Invalid::Key(event.clone()));
        }
    }
    Ok(())
}

fn check_limits(topology: &Topology) -> Result<(), Invalid> {
    let delays = &topology.retry_delays_ms;
    let ascending = delays.windows(2).all(|pair| pair[0] < pair[1]);
    let in_range = delays.iter().all(|delay| (1..=LONGEST_DELAY_MS).contains(delay));
    if delays.is_empty() || !ascending || !in_range {
        return Err(Invalid::RetryDelays(delays.clone()));
    }
    let limits = [
        ("delivery_limit", topology.delivery_limit),
        ("dead_letter_delivery_limit", topology.dead_letter_delivery_limit),
        ("alarms.queue_depth", topology.alarms.queue_depth),
        ("alarms.oldest_message_s", topology.alarms.oldest_message_s),
    ];
    match limits.iter().find(|(_, limit)| *limit == 0) {
        Some((name, _)) => Err(Invalid::Limit(name)),
        None => Ok(()),
    }
}

fn check_queues(topology: &Topology) -> Result<(), Invalid> {
    for (name, service) in &topology.services {
        match (&service.queue, service.bindings.is_empty()) {
            (None, false) => return Err(Invalid::BindingsWithoutQueue(name.clone())),
            (Some(_), true) => return Err(Invalid::QueueWithoutBindings(name.clone())),
            _ => {}
        }
        let same_queue = |other: &&String| *other != name && topology.services[*other].queue == service.queue;
        if let (Some(queue), Some(other)) = (&service.queue, topology.services.keys().find(same_queue)) {
            return Err(Invalid::QueueTwice {
                queue: queue.clone(),
                first: name.clone(),
                second: other.clone(),
            });
        }
        if let Some(binding) = service
            .bindings
            .iter()
            .find(|key| !topology.events.keys().any(|event| topic::matches(key, event)))
        {
            return Err(Invalid::DeadBinding {
                service: name.clone(),
                binding: binding.clone(),
            });
        }
    }
    Ok(())
}

fn check_publishers(topology: &Topology) -> Result<(), Invalid> {
    for (name, service) in &topology.services {
        for event in &service.publishes {
            if !topology.events.contains_key(event) {
                return Err(Invalid::NotInCatalogue {
                    event: event.clone(),
                    service: name.clone(),
                });
            }
            let publishes_too = |other: &&String| *other != name && topology.services[*other].publishes.contains(event);
            if let Some(other) = topology.services.keys().find(publishes_too) {
                return Err(Invalid::PublishedTwice {
                    event: event.clone(),
                    first: name.clone(),
                    second: other.clone(),
                });
            }
        }
    }
    let published = |event: &&String| {
        topology
            .services
            .values()
            .any(|service| service.publishes.contains(*event))
    };
    match topology.events.keys().find(|event| !published(event)) {
        Some(event) => Err(Invalid::NoPublisher(event.clone())),
        None => Ok(()),
    }
}

fn check_reach(topology: &Topology) -> Result<(), Invalid> {
    for (event, named) in &topology.events {
        let reached = |key: &BTreeSet<String>| key.iter().any(|binding| topic::matches(binding, event));
        let services = topology.services.values().filter(|service| reached(&service.bindings));
        let bound: BTreeSet<String> = services.filter_map(|service| service.queue.clone()).collect();
        if &bound != named {
            return Err(Invalid::Reach {
                event: event.clone(),
                bound,
                named: named.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Invalid;
    use crate::{Error, TOPOLOGY, Topology};

    fn refusal(from: &str, to: &str) -> Invalid {
        assert!(TOPOLOGY.contains(from), "the topology file has no {from:?}");
        match Topology::parse(&TOPOLOGY.replace(from, to)) {
            Err(Error::Invalid(invalid)) => invalid,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn the_file_of_the_platform_is_accepted() {
        let topology = Topology::load().unwrap();
        assert_eq!(topology.queues().count(), 5);
        assert!(
            topology
                .events
                .values()
                .all(|queues| queues.contains("analytics-queue"))
        );
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error =
            Topology::parse(&TOPOLOGY.replace("delivery_limit = 1000\n", "delivery_limits = 1000\n")).unwrap_err();
        assert!(error.to_string().contains("delivery_limits"), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    #[test]
    fn delays_must_ascend_and_exist() {
        assert_eq!(
            refusal("[1000, 5000, 30000, 120000]", "[]"),
            Invalid::RetryDelays(vec![])
        );
        assert_eq!(
            refusal("[1000, 5000, 30000, 120000]", "[5, 5]"),
            Invalid::RetryDelays(vec![5, 5])
        );
        assert_eq!(
            refusal("[1000, 5000, 30000, 120000]", "[0]"),
            Invalid::RetryDelays(vec![0])
        );
    }

    #[test]
    fn a_limit_of_zero_is_refused() {
        assert_eq!(
            refusal("\ndelivery_limit = 1000\n", "\ndelivery_limit = 0\n"),
            Invalid::Limit("delivery_limit")
        );
    }

    #[test]
    fn names_stay_plain() {
        assert_eq!(
            refusal("platform-events", "platform.*"),
            Invalid::Name("platform.*".to_owned())
        );
        assert_eq!(
            refusal("order.placed", "order.placed.v2"),
            Invalid::Key("order.placed.v2".to_owned())
        );
    }

    #[test]
    fn a_queue_has_one_owner() {
        assert!(matches!(
            refusal("payment-queue", "inventory-queue"),
            Invalid::QueueTwice { .. }
        ));
    }

    #[test]
    fn a_queue_and_its_bindings_come_together() {
        let no_queue = refusal("queue = \"order-queue\"\n", "");
        assert_eq!(no_queue, Invalid::BindingsWithoutQueue("order-service".to_owned()));
        let no_bindings = refusal("bindings = [\"#\"]\n", "");
        assert_eq!(
            no_bindings,
            Invalid::QueueWithoutBindings("analytics-service".to_owned())
        );
    }

    #[test]
    fn an_event_has_one_publisher_and_a_place_in_the_catalogue() {
        let twice = refusal(
            "publishes = [\"user.registered\"",
            "publishes = [\"order.placed\", \"user.registered\"",
        );
        assert!(matches!(twice, Invalid::PublishedTwice { .. }), "{twice}");
        let unknown = refusal(
            "publishes = [\"user.registered\"",
            "publishes = [\"user.deleted\", \"user.registered\"",
        );
        assert!(matches!(unknown, Invalid::NotInCatalogue { .. }), "{unknown}");
        let orphan = refusal(
            "\"payment.failed\", \"payment.refunded\", \"payment.voided\"]",
            "\"payment.failed\", \"payment.refunded\"]",
        );
        assert_eq!(orphan, Invalid::NoPublisher("payment.voided".to_owned()));
    }

    #[test]
    fn the_catalogue_and_the_bindings_agree() {
        let lost = refusal(
            "bindings = [\"payment.*\", \"inventory.*\"]",
            "bindings = [\"payment.*\"]",
        );
        assert!(
            matches!(&lost, Invalid::Reach { event, .. } if event == "inventory.rejected"),
            "{lost}"
        );
        let dead = refusal(
            "bindings = [\"payment.*\", \"inventory.*\"]",
            "bindings = [\"payments.*\", \"inventory.*\"]",
        );
        assert!(matches!(dead, Invalid::DeadBinding { .. }), "{dead}");
    }

    #[test]
    fn a_part_keeps_only_its_queues() {
        let part = Topology::load()
            .unwrap()
            .only(&["order-queue"])
            .with_retry_delays_ms(&[50]);
        assert_eq!(part.queues().collect::<Vec<_>>(), ["order-queue"]);
        assert!(part.events["order.placed"].is_empty());
        assert!(part.events["payment.voided"].contains("order-queue"));
        assert_eq!(part.retry_delays_ms, [50]);
    }
}
