//! Translation of a topology file into the desired state of a vhost.

use crate::{
    state::{Binding, Exchange, Permission, Policy, Queue, QueueStats, State, TopicPermission, User},
    topology::{Service, Topology, dead_letter_queue, dead_letter_retry_queue, retry_exchange, retry_queue},
};
use serde_json::{Map, Value, json};

/// Permission pattern that matches no named object.
pub(crate) const MATCH_NOTHING: &str = "^$";
/// Permission pattern that matches every object.
pub(crate) const MATCH_EVERYTHING: &str = ".*";

/// Policy priority, above what an operator is likely to give a policy for all queues: only the policy with the highest
/// priority is in force on a queue.
const POLICY_PRIORITY: i64 = 100;

/// Time in milliseconds after which a rejected dead letter returns to its queue: a brake on a client that rejects in a loop.
const DEAD_LETTER_DELAY_MS: u64 = 1_000;

/// Builds the state that `topology` declares. Users and their permissions are part of it only with `users`.
pub(crate) fn desired(topology: &Topology, users: bool) -> State {
    let mut state = State {
        vhost_exists: true,
        operator_has_access: true,
        ..State::default()
    };
    state.exchanges.insert(topology.exchange.clone(), exchange("topic"));
    for (name, service) in &topology.services {
        if let Some(queue) = &service.queue {
            add_queue(&mut state, topology, queue, service.length_bytes_max);
            for key in &service.bindings {
                bind(&mut state, &topology.exchange, key, queue);
            }
        }
        if users {
            add_user(&mut state, topology, name, service);
        }
    }
    state
}

fn exchange(kind: &str) -> Exchange {
    Exchange {
        kind: kind.to_owned(),
        durable: true,
        arguments: Map::new(),
        policy: None,
    }
}

/// Adds a queue with its retry exchange, its retry queues and its dead-letter queue.
fn add_queue(state: &mut State, topology: &Topology, queue: &str, bytes_max: Option<u64>) {
    let retry = retry_exchange(queue);
    state.exchanges.insert(retry.clone(), exchange("direct"));

    let unbounded = || policy(&retry, "dead", topology.delivery_limit);
    add_quorum_queue(
        state,
        queue,
        bytes_max.map_or_else(unbounded, |max| bounded(topology, max)),
    );
    bind(state, &retry, "replay", queue);

    for delay_ms in &topology.retry_delays_ms {
        let delayed = retry_queue(queue, *delay_ms);
        let mut definition = policy(&retry, "replay", topology.delivery_limit);
        definition.insert("message-ttl".to_owned(), json!(delay_ms));
        add_quorum_queue(state, &delayed, definition);
        bind(state, &retry, &format!("{delay_ms}ms"), &delayed);
    }

    add_dead_letter_queue(state, topology, queue);
}

/// Adds a dead-letter queue, and the queue by way of which a rejected dead letter returns to its end.
///
/// A dead-letter queue must not be its own target: RabbitMQ 3.10 then takes the target's confirms for deliveries and never
/// forgets what it has moved (rabbitmq-server#8799). With the second queue between, each has another as its target. At the
/// delivery limit, unlike after a reject, that is a cycle, which the broker refuses: the message stays in the second queue, not
/// ready, counted in `messages_dlx`. Without a target the broker would drop both.
fn add_dead_letter_queue(state: &mut State, topology: &Topology, queue: &str) {
    let retry = retry_exchange(queue);
    let dead_letters = dead_letter_queue(queue);
    let limit = topology.dead_letter_delivery_limit;
    add_quorum_queue(state, &dead_letters, policy(&retry, "dead-again", limit));
    bind(state, &retry, "dead", &dead_letters);

    let returning = dead_letter_retry_queue(queue);
    let mut definition = policy(&retry, "dead", limit);
    definition.insert("message-ttl".to_owned(), json!(DEAD_LETTER_DELAY_MS));
    add_quorum_queue(state, &returning, definition);
    bind(state, &retry, "dead-again", &returning);
}

/// Builds a policy definition. At-least-once dead-lettering requires `reject-publish`: with `drop-head` the broker silently
/// falls back to at-most-once.
fn policy(dead_letter_exchange: &str, dead_letter_key: &str, delivery_limit: u64) -> Map<String, Value> {
    let entries = [
        ("dead-letter-exchange", json!(dead_letter_exchange)),
        ("dead-letter-routing-key", json!(dead_letter_key)),
        ("dead-letter-strategy", json!("at-least-once")),
        ("overflow", json!("reject-publish")),
        ("delivery-limit", json!(delivery_limit)),
    ];
    entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Builds the policy of a queue with a bound: it drops its oldest messages, since a refused one would be refused to the publisher.
///
/// It has no dead-letter exchange, or what it drops would fill the disk as dead letters. So its delivery limit is out of reach, as
/// that of dead letters is: a message that reached it would be dropped without a trace.
fn bounded(topology: &Topology, bytes_max: u64) -> Map<String, Value> {
    let entries = [
        ("max-length-bytes", json!(bytes_max)),
        ("overflow", json!("drop-head")),
        ("delivery-limit", json!(topology.dead_letter_delivery_limit)),
    ];
    entries
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// Adds a queue and its policy. Queue arguments are immutable, so they carry only the type; everything else is a policy
/// that matches this one queue.
fn add_quorum_queue(state: &mut State, name: &str, definition: Map<String, Value>) {
    let arguments = Map::from_iter([("x-queue-type".to_owned(), json!("quorum"))]);
    let queue = Queue {
        durable: true,
        arguments,
        policy: None,
        operator_policy: None,
        stats: QueueStats::default(),
    };
    state.queues.insert(name.to_owned(), queue);
    let pattern = format!("^{}$", literal(name));
    let policy = Policy {
        pattern,
        apply_to: "queues".to_owned(),
        priority: POLICY_PRIORITY,
        definition,
    };
    state.policies.insert(name.to_owned(), policy);
}

fn bind(state: &mut State, source: &str, key: &str, queue: &str) {
    let binding = Binding {
        source: source.to_owned(),
        destination: queue.to_owned(),
        destination_kind: "queue".to_owned(),
        key: key.to_owned(),
        has_arguments: false,
    };
    state.bindings.insert(binding, String::new());
}

fn add_user(state: &mut State, topology: &Topology, name: &str, service: &Service) {
    state.users.insert(name.to_owned(), User::default());

    let events = (!service.publishes.is_empty()).then(|| topology.exchange.clone());
    let retry = service.queue.as_deref().map(retry_exchange);
    let own_queues = service
        .queue
        .as_deref()
        .map(|queue| format!("^{}(\\.dlq)?$", literal(queue)));
    let permission = Permission {
        configure: MATCH_NOTHING.to_owned(),
        write: one_of(events.iter().chain(retry.iter())),
        read: own_queues.unwrap_or_else(|| MATCH_NOTHING.to_owned()),
    };
    state.permissions.insert(name.to_owned(), permission);

    // Without a topic permission every routing key is allowed, so a user that publishes nothing has one as well.
    let topic = TopicPermission {
        write: one_of(service.publishes.iter()),
        read: MATCH_NOTHING.to_owned(),
    };
    state
        .topic_permissions
        .insert((name.to_owned(), topology.exchange.clone()), topic);
}

/// Builds an anchored pattern that matches only these names.
fn one_of<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| literal(name)).collect();
    if names.is_empty() {
        MATCH_NOTHING.to_owned()
    } else {
        format!("^({})$", names.join("|"))
    }
}

/// Escapes a name for use in a pattern. Validated names contain no special character but the dot.
fn literal(name: &str) -> String {
    name.replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::desired;
    use crate::Topology;

    #[test]
    fn a_queue_has_its_retry_queues_and_its_dead_letter_queue() {
        let topology = Topology::load()
            .unwrap()
            .only(&["order-queue"])
            .with_retry_delays_ms(&[100]);
        let state = desired(&topology, false);
        let queues: Vec<_> = state.queues.keys().collect();
        let expected = [
            "order-queue",
            "order-queue.dlq",
            "order-queue.dlq.retry",
            "order-queue.retry.100ms",
        ];
        assert_eq!(queues, expected);
        assert!(state.queues.values().all(|queue| queue.arguments.len() == 1));
        assert_eq!(
            state.policies["order-queue.retry.100ms"].pattern,
            "^order-queue\\.retry\\.100ms$"
        );
        assert_eq!(
            state.policies["order-queue.retry.100ms"].definition["message-ttl"],
            json!(100)
        );
        assert_eq!(
            state.policies["order-queue"].definition["dead-letter-routing-key"],
            json!("dead")
        );
        assert_eq!(
            state.policies["order-queue.dlq"].definition["delivery-limit"],
            json!(1_000_000_000)
        );
        assert!(!state.policies["order-queue.dlq"].definition.contains_key("message-ttl"));
        let target = |name: &str| state.policies[name].definition["dead-letter-routing-key"].clone();
        assert_eq!(
            (target("order-queue.dlq"), target("order-queue.dlq.retry")),
            (json!("dead-again"), json!("dead"))
        );
        assert!(state.users.is_empty() && state.permissions.is_empty() && state.topic_permissions.is_empty());
    }

    #[test]
    fn only_a_queue_with_a_bound_drops_messages_and_it_makes_no_dead_letters_of_them() {
        let state = desired(&Topology::load().unwrap(), false);
        for (name, policy) in &state.policies {
            let overflow = if name == "analytics-queue" {
                "drop-head"
            } else {
                "reject-publish"
            };
            assert_eq!(policy.definition["overflow"], json!(overflow), "{name}");
            assert_eq!(
                policy.definition.contains_key("max-length-bytes"),
                name == "analytics-queue",
                "{name}"
            );
        }
        assert!(
            !state.policies["analytics-queue"]
                .definition
                .contains_key("dead-letter-exchange")
        );
    }

    #[test]
    fn each_user_may_only_access_what_its_service_declares() {
        let topology = Topology::load().unwrap();
        let state = desired(&topology, true);
        let writes = |user: &str| state.permissions[user].write.as_str();
        assert_eq!(writes("order-service"), "^(platform-events|order-queue\\.retry)$");
        assert_eq!(writes("user-service"), "^(platform-events)$");
        assert_eq!(writes("notification-service"), "^(notification-queue\\.retry)$");
        assert_eq!(state.permissions["user-service"].read, "^$");
        assert_eq!(state.permissions["product-service"].read, "^inventory-queue(\\.dlq)?$");
        assert!(
            state
                .permissions
                .values()
                .all(|permission| permission.configure == "^$")
        );
        let topic = |user: &str| &state.topic_permissions[&(user.to_owned(), "platform-events".to_owned())].write;
        let published = &topology.services["user-service"].publishes;
        let published: Vec<_> = published.iter().map(|key| key.replace('.', "\\.")).collect();
        assert_eq!(*topic("user-service"), format!("^({})$", published.join("|")));
        assert_eq!(topic("analytics-service"), "^$");
    }
}
