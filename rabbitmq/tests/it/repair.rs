//! Differences made by hand: each is named by verify and repaired by apply.

use rabbitmq::{Passwords, Remedy, Topology};
use reqwest::Method;
use serde_json::json;

use crate::vhost::{PASSWORD, Vhost, eventually, nothing, publish, ready};

/// Verify names exactly this one difference, apply repairs it, and then there is none.
async fn named_and_repaired(vhost: &Vhost, topology: &Topology, passwords: &Passwords, line: &str) {
    let named: Vec<String> = eventually(line, || async {
        let differences = vhost.broker.verify(topology, Some(passwords)).await.unwrap();
        (!differences.is_empty()).then(|| differences.iter().map(ToString::to_string).collect())
    })
    .await;
    assert_eq!(named, [line]);
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
async fn bindings() {
    let (vhost, topology, passwords) = applied().await;
    let ends = ["bindings", &vhost.name, "e", "platform-events", "q", "order-queue"];

    vhost
        .by_hand(Method::DELETE, &[&ends[..], &["payment.*"]].concat(), nothing())
        .await;
    let line = "binding from \"platform-events\" to queue \"order-queue\" with key \"payment.*\": missing";
    named_and_repaired(&vhost, &topology, &passwords, line).await;

    vhost
        .by_hand(Method::POST, &ends, json!({ "routing_key": "user.#" }))
        .await;
    let line = "binding from \"platform-events\" to queue \"order-queue\" with key \"user.#\": not in the topology";
    named_and_repaired(&vhost, &topology, &passwords, line).await;

    vhost
        .by_hand(
            Method::POST,
            &ends,
            json!({ "routing_key": "payment.*", "arguments": { "x": 1 } }),
        )
        .await;
    let line = "binding from \"platform-events\" to queue \"order-queue\" with key \"payment.*\" and arguments: not in the topology";
    named_and_repaired(&vhost, &topology, &passwords, line).await;
}

#[tokio::test]
async fn policies() {
    let (vhost, topology, passwords) = applied().await;
    let ours = ["policies", &vhost.name, "order-queue"];
    let mut policy = vhost.by_hand(Method::GET, &ours, nothing()).await;
    policy["definition"]["delivery-limit"] = json!(5);
    policy["definition"]["max-length"] = json!(10);
    vhost.by_hand(Method::PUT, &ours, policy).await;
    let line = "policy \"order-queue\": delivery-limit is 5, must be 1000, max-length is 10, must be absent";
    named_and_repaired(&vhost, &topology, &passwords, line).await;

    vhost.by_hand(Method::DELETE, &ours, nothing()).await;
    named_and_repaired(&vhost, &topology, &passwords, "policy \"order-queue\": missing").await;

    let foreign =
        json!({ "pattern": "^order-queue$", "apply-to": "queues", "priority": 999, "definition": { "max-length": 1 } });
    vhost
        .by_hand(Method::PUT, &["policies", &vhost.name, "short"], foreign)
        .await;
    let line = "policy \"short\": with pattern \"^order-queue$\" takes the place of ours on queue \"order-queue\"";
    named_and_repaired(&vhost, &topology, &passwords, line).await;
}

#[tokio::test]
async fn deleted_queues_and_exchanges_come_back_with_all_that_belongs_to_them() {
    let (vhost, topology, passwords) = applied().await;
    vhost
        .by_hand(Method::DELETE, &["queues", &vhost.name, "order-queue"], nothing())
        .await;
    let differences = vhost.broker.verify(&topology, Some(&passwords)).await.unwrap();
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], "queue \"order-queue\": missing");
    assert_eq!(lines.len(), 4, "the queue and its three bindings: {lines:?}");
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();

    vhost
        .by_hand(
            Method::DELETE,
            &["exchanges", &vhost.name, "order-queue.retry"],
            nothing(),
        )
        .await;
    let differences = vhost.broker.verify(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(differences[0].to_string(), "exchange \"order-queue.retry\": missing");
    assert_eq!(
        differences.len(),
        4,
        "the exchange and its three bindings: {differences:?}"
    );
    vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(vhost.broker.verify(&topology, Some(&passwords)).await.unwrap(), []);
}

#[tokio::test]
async fn users_and_their_permissions() {
    let (vhost, topology, passwords) = applied().await;
    let user = vhost.user("order-service").to_owned();
    let at = |kind: &'static str| [kind, vhost.name.as_str(), user.as_str()];

    let wide = json!({ "configure": "^$", "write": ".*", "read": "^order-queue(\\.dlq)?$" });
    vhost.by_hand(Method::PUT, &at("permissions"), wide).await;
    let line =
        format!("permission of user {user:?}: write is \".*\", must be \"^(platform-events|order-queue\\\\.retry)$\"");
    named_and_repaired(&vhost, &topology, &passwords, &line).await;

    vhost.by_hand(Method::DELETE, &at("topic-permissions"), nothing()).await;
    let line =
        format!("topic permission of user {user:?} on exchange \"platform-events\": missing, which allows every key");
    named_and_repaired(&vhost, &topology, &passwords, &line).await;

    let more = json!({ "exchange": "amq.topic", "write": ".*", "read": ".*" });
    vhost.by_hand(Method::PUT, &at("topic-permissions"), more).await;
    let line =
        format!("topic permission of user {user:?} on exchange \"amq.topic\": not in the topology, must allow nothing");
    named_and_repaired(&vhost, &topology, &passwords, &line).await;

    vhost
        .by_hand(
            Method::PUT,
            &["users", &user],
            json!({ "password": "another", "tags": "" }),
        )
        .await;
    let line = format!("user {user:?}: its password is not the one given");
    named_and_repaired(&vhost, &topology, &passwords, &line).await;
    vhost.connect(&user, PASSWORD).await;

    vhost
        .by_hand(
            Method::PUT,
            &["users", &user],
            json!({ "password": PASSWORD, "tags": "monitoring" }),
        )
        .await;
    let line = format!("user {user:?}: has the tags monitoring, must have none");
    named_and_repaired(&vhost, &topology, &passwords, &line).await;
    vhost.connect(&user, PASSWORD).await;
}

#[tokio::test]
async fn a_stranger_loses_its_permission_and_its_connection() {
    let (mut vhost, topology, passwords) = applied().await;
    let stranger = format!("stranger-{}", vhost.name);
    vhost.users.push(stranger.clone());
    vhost
        .by_hand(
            Method::PUT,
            &["users", &stranger],
            json!({ "password": PASSWORD, "tags": "" }),
        )
        .await;
    let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
    vhost
        .by_hand(Method::PUT, &["permissions", &vhost.name, &stranger], all)
        .await;
    let connection = vhost.connect(&stranger, PASSWORD).await;

    let line = format!("permission of user {stranger:?}: not in the topology");
    named_and_repaired(&vhost, &topology, &passwords, &line).await;
    eventually("end of the stranger's connection", || async {
        (!connection.status().connected()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let (vhost, topology, passwords) = applied().await;
    let name = vhost.name.as_str();
    vhost
        .by_hand(Method::PUT, &["queues", name, "foreign"], json!({ "durable": true }))
        .await;
    let bind = ["bindings", name, "e", "platform-events", "q", "foreign"];
    vhost.by_hand(Method::POST, &bind, json!({ "routing_key": "#" })).await;

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
        .by_hand(Method::GET, &["queues", name, "foreign"], nothing())
        .await;
}

#[tokio::test]
async fn a_queue_of_the_wrong_type_is_for_a_person() {
    let (vhost, topology, passwords) = applied().await;
    let queue = ["queues", vhost.name.as_str(), "order-queue.dlq"];
    vhost.by_hand(Method::DELETE, &queue, nothing()).await;
    vhost
        .by_hand(
            Method::PUT,
            &queue,
            json!({ "durable": true, "arguments": { "x-max-length": 3 } }),
        )
        .await;

    let applied = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(applied.remaining.len(), 1, "{applied:?}");
    assert_eq!(applied.remaining[0].remedy(), Remedy::ByHand);
    let line = applied.remaining[0].to_string();
    assert!(
        line.starts_with("queue \"order-queue.dlq\": is durable with arguments"),
        "{line}"
    );
    assert!(
        line.ends_with("let it run empty, delete it and run `topology apply`"),
        "{line}"
    );
}

#[tokio::test]
async fn a_retry_queue_with_messages_outlives_its_delay() {
    let (vhost, topology, passwords) = applied().await;
    let (_connection, channel) = vhost.operator().await;
    let slow = topology.clone().with_retry_delays_ms(&[200, 3000]);
    vhost.broker.apply(&slow, Some(&passwords)).await.unwrap();
    publish(&channel, "order-queue.retry", "3000ms", "waiting")
        .await
        .unwrap();

    let applied = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(applied.remaining, []);
    assert_eq!(
        ready(&channel, "order-queue").await,
        1,
        "the message came back before its queue went"
    );
    assert_eq!(vhost.broker.verify(&topology, Some(&passwords)).await.unwrap(), []);
    let policies = vhost.by_hand(Method::GET, &["policies", &vhost.name], nothing()).await;
    assert!(!policies.to_string().contains("3000ms"), "{policies}");
}
