//! Consistency rules of a topology file. Each refusal is one line that says what to correct.

use crate::{topic, topology::Topology};
use std::collections::BTreeSet;

const RETRY_DELAY_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// The reason for which a topology file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A name that would need escaping in the broker's patterns.
    #[error("name {0:?}: use lower-case letters, digits and hyphens only, and start with a letter")]
    Name(String),
    /// Retry delays that are missing, too long or not ascending.
    #[error("retry_delays_ms {0:?}: give at least one delay, in ascending order, each from 1 ms to 24 h")]
    RetryDelays(Vec<u64>),
    /// A limit of zero, which would make every message a dead letter or raise every alarm.
    #[error("{0} must be at least 1")]
    Limit(&'static str),
    /// A queue of two services, which would take each other's messages.
    #[error("queue {queue:?} belongs to {first} and to {second}: give each service a queue of its own")]
    QueueTwice {
        /// Name of the queue.
        queue: String,
        /// Service that declares it.
        first: String,
        /// Other service that declares it.
        second: String,
    },
    /// Bindings without a queue to bind.
    #[error("service {0} has bindings but no queue: add `queue`, or remove `bindings`")]
    BindingsWithoutQueue(String),
    /// A queue without bindings, which would stay empty.
    #[error("service {0} has a queue but no bindings: add `bindings`, or remove `queue`")]
    QueueWithoutBindings(String),
    /// A bound of a queue whose service others wait for, or of no queue: it would drop messages that must not be lost.
    #[error(
        "service {0} cannot have length_bytes_max, since its queue drops messages at the bound: that is for a service with a queue \
         that publishes nothing"
    )]
    Bound(String),
    /// A routing key that is not `<entity>.<past_tense>`.
    #[error("event {0:?}: use two words of lower-case letters and underscores, as in \"order.placed\"")]
    Key(String),
    /// A binding key that matches no event of the catalogue.
    #[error("binding {binding:?} of {service} matches no event: correct it, or add the event to [events]")]
    UnmatchedBinding {
        /// Service that declares the binding.
        service: String,
        /// Binding key that matches nothing.
        binding: String,
    },
    /// An event with two publishers.
    #[error("event {event:?} is published by {first} and by {second}: an event has one publisher")]
    PublishedTwice {
        /// Type of the event.
        event: String,
        /// Service that publishes it.
        first: String,
        /// Other service that publishes it.
        second: String,
    },
    /// A published event that the catalogue does not list.
    #[error("event {event:?}, published by {service}, is not in [events]: add it with the queues that it reaches")]
    NotInCatalogue {
        /// Type of the event.
        event: String,
        /// Service that publishes it.
        service: String,
    },
    /// An event of the catalogue without a publisher.
    #[error("event {0:?} of [events] is published by no service: add it to one's `publishes`, or remove it")]
    NoPublisher(String),
    /// A catalogue entry that contradicts the bindings.
    #[error("event {event:?} reaches {bound:?} by the bindings but {listed:?} by [events]: correct one of the two")]
    CatalogueMismatch {
        /// Type of the event.
        event: String,
        /// Queues that the bindings route it to.
        bound: BTreeSet<String>,
        /// Queues that the catalogue lists.
        listed: BTreeSet<String>,
    },
}

pub(crate) fn validate(topology: &Topology) -> Result<(), Invalid> {
    check_names(topology)?;
    check_limits(topology)?;
    check_queues(topology)?;
    check_publishers(topology)?;
    check_catalogue(topology)
}

/// Restricts names to characters that need no escaping, since queue, exchange and user names become part of the broker's
/// regular expressions.
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
    let in_range = delays.iter().all(|delay| (1..=RETRY_DELAY_MS_MAX).contains(delay));
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
        match service.length_bytes_max {
            Some(0) => return Err(Invalid::Limit("length_bytes_max")),
            Some(_) if service.queue.is_none() || !service.publishes.is_empty() => {
                return Err(Invalid::Bound(name.clone()));
            }
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
            return Err(Invalid::UnmatchedBinding {
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

fn check_catalogue(topology: &Topology) -> Result<(), Invalid> {
    for (event, listed) in &topology.events {
        let reaches = |keys: &BTreeSet<String>| keys.iter().any(|key| topic::matches(key, event));
        let services = topology.services.values().filter(|service| reaches(&service.bindings));
        let bound: BTreeSet<String> = services.filter_map(|service| service.queue.clone()).collect();
        if &bound != listed {
            return Err(Invalid::CatalogueMismatch {
                event: event.clone(),
                bound,
                listed: listed.clone(),
            });
        }
    }
    Ok(())
}
