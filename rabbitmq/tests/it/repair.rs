//! Differences that are introduced on purpose, reported by verify and repaired by apply.

use crate::vhost::{PASSWORD, Vhost, empty_body, eventually, publish, ready_count};
use rabbitmq::{Passwords, Remedy, Topology};
use reqwest::Method;
use serde_json::json;

/// Asserts that verify reports this one difference, that apply repairs it, and that none is left.
async fn assert_reported_and_repaired(vhost: &Vhost, topology: &Topology, passwords: &Passwords, line: &str) {
    let reported: Vec<String> = eventually(line, || async {
        let differences = vhost.broker.verify(topology, Some(passwords)).await.unwrap();
        (!differences.is_empty()).then(|| differences.iter().map(ToString::to_string).collect())
    })
    .await;
    assert_eq!(reported, [line]);
    let applied = vhost.broker.apply(topology, Some(passwords)).await.unwrap();
    assert_eq!(
        applied.repaired.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [line]
    );
    assert_eq!(vhost.broker.verify(topology, Some(passwords)).await.unwrap(), []);
}

async fn applied() -> (Vhost, Topology, Passwords) {
    let mut vhost = Vhost::new();
    let (topology, passwords) = vhost.topology_with_users();
    let topology = topology.only(&["order-queue"]).with_retry_delays_ms(&[200]);
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    (vhost, topology, passwords)
}

#[tokio::test]
async fn changed_bindings_are_restored() {
    let (vhost, topology, passwords) = applied().await;
    let ends = ["bindings", &vhost.name, "e", "platform-events", "q", "order-queue"];

    vhost
        .manage(Method::DELETE, &[&ends[..], &["payment.*"]].concat(), empty_body())
        .await;
    let line = "binding from \"platform-events\" to queue \"order-queue\" with key \"payment.*\": missing";
    assert_reported_and_repaired(&vhost, &topology, &passwords, line).await;

    vhost
        .manage(Method::POST, &ends, json!({ "routing_key": "user.#" }))
        .await;
    let line = "binding from \"platform-events\" to queue \"order-queue\" with key \"user.#\": not in the topology";
    assert_reported_and_repaired(&vhost, &topology, &passwords, line).await;

    vhost
        .manage(
            Method::POST,
            &ends,
            json!({ "routing_key": "payment.*", "arguments": { "x": 1 } }),
        )
        .await;
    let line = "binding from \"platform-events\" to queue \"order-queue\" with key \"payment.*\" and arguments: not in the topology";
    assert_reported_and_repaired(&vhost, &topology, &passwords, line).await;
}

#[tokio::test]
async fn changed_policies_are_restored() {
    let (vhost, topology, passwords) = applied().await;
    let policy_path = ["policies", &vhost.name, "order-queue"];
    let mut policy = vhost.manage(Method::GET, &policy_path, empty_body()).await;
    policy["definition"]["delivery-limit"] = json!(5);
    policy["definition"]["max-length"] = json!(10);
    vhost.manage(Method::PUT, &policy_path, policy).await;
    let line = "policy \"order-queue\": delivery-limit is 5, must be 1000, max-length is 10, must be absent";
    assert_reported_and_repaired(&vhost, &topology, &passwords, line).await;

    vhost.manage(Method::DELETE, &policy_path, empty_body()).await;
    assert_reported_and_repaired(&vhost, &topology, &passwords, "policy \"order-queue\": missing").await;

    let foreign =
        json!({ "pattern": "^order-queue$", "apply-to": "queues", "priority": 999, "definition": { "max-length": 1 } });
    vhost
        .manage(Method::PUT, &["policies", &vhost.name, "short"], foreign)
        .await;
    let line =
        "policy \"short\": with pattern \"^order-queue$\" overrides the topology's policy on queue \"order-queue\"";
    assert_reported_and_repaired(&vhost, &topology, &passwords, line).await;
}

#[tokio::test]
async fn deleted_queues_and_exchanges_are_recreated_with_their_bindings() {
    let (vhost, topology, passwords) = applied().await;
    vhost
        .manage(Method::DELETE, &["queues", &vhost.name, "order-queue"], empty_body())
        .await;
    let differences = vhost.broker.verify(&topology, Some(&passwords)).await.unwrap();
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], "queue \"order-queue\": missing");
    assert_eq!(lines.len(), 4, "the queue and its three bindings: {lines:?}");
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();

    vhost
        .manage(
            Method::DELETE,
            &["exchanges", &vhost.name, "order-queue.retry"],
            empty_body(),
        )
        .await;
    let differences = vhost.broker.verify(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(differences[0].to_string(), "exchange \"order-queue.retry\": missing");
    assert_eq!(
        differences.len(),
        5,
        "the exchange and its four bindings: {differences:?}"
    );
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(vhost.broker.verify(&topology, Some(&passwords)).await.unwrap(), []);
}

#[tokio::test]
async fn changed_users_and_permissions_are_restored() {
    let (vhost, topology, passwords) = applied().await;
    let user = vhost.user("order-service").to_owned();
    let at = |kind: &'static str| [kind, vhost.name.as_str(), user.as_str()];

    let wide = json!({ "configure": "^$", "write": ".*", "read": "^order-queue(\\.dlq)?$" });
    vhost.manage(Method::PUT, &at("permissions"), wide).await;
    let line =
        format!("permission of user {user:?}: write is \".*\", must be \"^(platform-events|order-queue\\\\.retry)$\"");
    assert_reported_and_repaired(&vhost, &topology, &passwords, &line).await;

    vhost
        .manage(Method::DELETE, &at("topic-permissions"), empty_body())
        .await;
    let line =
        format!("topic permission of user {user:?} on exchange \"platform-events\": missing, which allows every key");
    assert_reported_and_repaired(&vhost, &topology, &passwords, &line).await;

    let more = json!({ "exchange": "amq.topic", "write": ".*", "read": ".*" });
    vhost.manage(Method::PUT, &at("topic-permissions"), more).await;
    let line =
        format!("topic permission of user {user:?} on exchange \"amq.topic\": not in the topology, must allow nothing");
    assert_reported_and_repaired(&vhost, &topology, &passwords, &line).await;

    vhost
        .manage(
            Method::PUT,
            &["users", &user],
            json!({ "password": "another", "tags": "" }),
        )
        .await;
    let line = format!("user {user:?}: its password is not the configured one");
    assert_reported_and_repaired(&vhost, &topology, &passwords, &line).await;
    vhost.connect(&user, PASSWORD).await;

    vhost
        .manage(
            Method::PUT,
            &["users", &user],
            json!({ "password": PASSWORD, "tags": "monitoring" }),
        )
        .await;
    let line = format!("user {user:?}: has the tags monitoring, must have none");
    assert_reported_and_repaired(&vhost, &topology, &passwords, &line).await;
    vhost.connect(&user, PASSWORD).await;
}

#[tokio::test]
async fn an_unknown_user_loses_its_permission_and_its_connection() {
    let (mut vhost, topology, passwords) = applied().await;
    let unknown = format!("unknown-{}", vhost.name);
    vhost.users.push(unknown.clone());
    vhost
        .manage(
            Method::PUT,
            &["users", &unknown],
            json!({ "password": PASSWORD, "tags": "" }),
        )
        .await;
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    vhost
        .manage(Method::PUT, &["permissions", &vhost.name, &unknown], all)
        .await;
    let connection = vhost.connect(&unknown, PASSWORD).await;

    let line = format!("permission of user {unknown:?}: not in the topology");
    assert_reported_and_repaired(&vhost, &topology, &passwords, &line).await;
    eventually("end of the unknown user's connection", || async {
        (!connection.status().connected()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn objects_outside_the_topology_are_left_alone() {
    let (vhost, topology, passwords) = applied().await;
    let name = vhost.name.as_str();
    vhost
        .manage(Method::PUT, &["queues", name, "foreign"], json!({ "durable": true }))
        .await;
    let bind = ["bindings", name, "e", "platform-events", "q", "foreign"];
    vhost.manage(Method::POST, &bind, json!({ "routing_key": "#" })).await;

    let applied = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(applied.repaired, []);
    assert!(
        applied
            .remaining
            .iter()
            .all(|difference| difference.remedy() == Remedy::Note)
    );
    let notes: Vec<String> = applied.remaining.iter().map(ToString::to_string).collect();
    assert_eq!(notes[0], "queue \"foreign\": not in the topology, left alone");
    assert!(
        notes[1].starts_with("binding from \"platform-events\" to queue \"foreign\""),
        "{notes:?}"
    );
    vhost
        .manage(Method::GET, &["queues", name, "foreign"], empty_body())
        .await;
}

#[tokio::test]
async fn a_queue_of_the_wrong_type_needs_an_operator() {
    let (vhost, topology, passwords) = applied().await;
    let queue = ["queues", vhost.name.as_str(), "order-queue.dlq"];
    vhost.manage(Method::DELETE, &queue, empty_body()).await;
    vhost
        .manage(
            Method::PUT,
            &queue,
            json!({ "durable": true, "arguments": { "x-max-length": 3 } }),
        )
        .await;

    let applied = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(applied.remaining.len(), 1, "{applied:?}");
    assert_eq!(applied.remaining[0].remedy(), Remedy::Manual);
    let line = applied.remaining[0].to_string();
    assert!(
        line.starts_with("queue \"order-queue.dlq\": is durable with arguments"),
        "{line}"
    );
    assert!(line.ends_with("drain it, delete it and run `topology apply`"), "{line}");
}

#[tokio::test]
async fn an_obsolete_retry_queue_is_drained_before_it_is_deleted() {
    let (vhost, topology, passwords) = applied().await;
    let (_connection, channel) = vhost.operator().await;
    let slow = topology.clone().with_retry_delays_ms(&[200, 3000]);
    vhost.broker.apply(&slow, Some(&passwords)).await.unwrap();
    publish(&channel, "order-queue.retry", "3000ms", "delayed")
        .await
        .unwrap();

    let applied = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(applied.remaining, []);
    assert_eq!(
        ready_count(&channel, "order-queue").await,
        1,
        "the message returned before its retry queue was deleted"
    );
    assert_eq!(vhost.broker.verify(&topology, Some(&passwords)).await.unwrap(), []);
    let policies = vhost
        .manage(Method::GET, &["policies", &vhost.name], empty_body())
        .await;
    assert!(!policies.to_string().contains("3000ms"), "{policies}");
}
