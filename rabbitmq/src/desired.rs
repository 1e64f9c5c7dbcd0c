//! From the topology file to the state that it asks for.

use serde_json::{Map, Value, json};

use crate::state::{Binding, Exchange, Figures, Permission, Policy, Queue, State, TopicPermission, User};
use crate::topology::{Service, Topology, dead_letter_queue, retry_exchange, retry_queue};

/// Matches nothing that has a name.
pub(crate) const NOTHING: &str = "^$";
/// Matches everything.
pub(crate) const EVERYTHING: &str = ".*";

/// Above what a person is likely to give a policy for all queues, which would otherwise take the place of ours.
const PRIORITY: i64 = 100;

/// The state that `topology` asks for. Users and their permissions are part of it only with `users`.
pub(crate) fn desired(topology: &Topology, users: bool) -> State {
    let mut state = State {
        vhost_exists: true,
        operator_may_use_it: true,
        ..State::default()
    };
    state.exchanges.insert(topology.exchange.clone(), exchange("topic"));
    for (name, service) in &topology.services {
        if let Some(queue) = &service.queue {
            add_queue(&mut state, topology, queue);
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

/// A queue with its retry exchange, its retry queues and its dead-letter queue.
fn add_queue(state: &mut State, topology: &Topology, queue: &str) {
    let returns = retry_exchange(queue);
    let dead = dead_letter_queue(queue);
    state.exchanges.insert(returns.clone(), exchange("direct"));

    add_quorum_queue(state, queue, policy(&returns, "dead", topology.delivery_limit));
    bind(state, &returns, "replay", queue);

    for delay_ms in &topology.retry_delays_ms {
        let waiting = retry_queue(queue, *delay_ms);
        let mut definition = policy(&returns, "replay", topology.delivery_limit);
        definition.insert("message-ttl".to_owned(), json!(delay_ms));
        add_quorum_queue(state, &waiting, definition);
        bind(state, &returns, &format!("{delay_ms}ms"), &waiting);
    }

    // A dead-letter queue is its own dead-letter target. What is rejected goes to its end. What reaches the delivery
    // limit would go in a circle, which the broker refuses: the message stays, not ready, counted in `messages_dlx`.
    // Without a target both would be dropped.
    add_quorum_queue(
        state,
        &dead,
        policy(&returns, "dead", topology.dead_letter_delivery_limit),
    );
    bind(state, &returns, "dead", &dead);
}

/// At-least-once dead-lettering needs `reject-publish`: with `drop-head` the broker falls back to at-most-once silently.
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

/// Arguments can never be changed, so they say only the type; all else is a policy for exactly this queue.
fn add_quorum_queue(state: &mut State, name: &str, definition: Map<String, Value>) {
    let arguments = Map::from_iter([("x-queue-type".to_owned(), json!("quorum"))]);
    let queue = Queue {
        durable: true,
        arguments,
        policy: None,
        operator_policy: None,
        figures: Figures::default(),
    };
    state.queues.insert(name.to_owned(), queue);
    let pattern = format!("^{}$", literal(name));
    let policy = Policy {
        pattern,
        apply_to: "queues".to_owned(),
        priority: PRIORITY,
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
    let returns = service.queue.as_deref().map(retry_exchange);
    let may_read = service
        .queue
        .as_deref()
        .map(|queue| format!("^{}(\\.dlq)?$", literal(queue)));
    let permission = Permission {
        configure: NOTHING.to_owned(),
        write: one_of(events.iter().chain(returns.iter())),
        read: may_read.unwrap_or_else(|| NOTHING.to_owned()),
    };
    state.permissions.insert(name.to_owned(), permission);

    // Without a record for a user everything would be allowed, so those who publish nothing have one too.
    let topic = TopicPermission {
        write: one_of(service.publishes.iter()),
        read: NOTHING.to_owned(),
    };
    state
        .topic_permissions
        .insert((name.to_owned(), topology.exchange.clone()), topic);
}

/// An anchored pattern for exactly these names.
fn one_of<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| literal(name)).collect();
    if names.is_empty() {
        NOTHING.to_owned()
    } else {
        format!("^({})$", names.join("|"))
    }
}

/// Checked names hold no other character that a pattern would take for more than itself.
fn literal(name: &str) -> String {
    name.replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::desired;
    use crate::Topology;

    #[test]
    fn a_queue_comes_with_its_way_back_and_its_dead_letters() {
        let topology = Topology::load()
            .unwrap()
            .only(&["order-queue"])
            .with_retry_delays_ms(&[100]);
        let state = desired(&topology, false);
        let queues: Vec<_> = state.queues.keys().collect();
        assert_eq!(queues, ["order-queue", "order-queue.dlq", "order-queue.retry.100ms"]);
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
        assert!(state.users.is_empty() && state.permissions.is_empty() && state.topic_permissions.is_empty());
    }

    #[test]
    fn each_user_may_do_only_what_its_service_does() {
        let state = desired(&Topology::load().unwrap(), true);
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
        assert_eq!(topic("user-service"), "^(user\\.registered|user\\.updated)$");
        assert_eq!(topic("analytics-service"), "^$");
    }
}
