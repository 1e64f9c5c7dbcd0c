//! Applying the topology to an empty broker, and again.

use crate::vhost::{Vhost, empty_body, publish, ready_count};
use rabbitmq::{Passwords, Topology};
use reqwest::Method;

#[tokio::test]
async fn apply_is_idempotent() {
    let mut vhost = Vhost::new();
    let (topology, passwords) = vhost.topology_with_users();

    let planned = vhost.broker.verify(&topology, Some(&passwords)).await.unwrap();
    assert!(
        planned
            .iter()
            .any(|difference| difference.to_string() == "queue \"order-queue.dlq\": missing")
    );
    let first = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!(first.remaining, []);
    for difference in &planned {
        assert!(
            first.repaired.contains(difference),
            "apply repairs what plan named: {difference}"
        );
    }

    assert_eq!(vhost.broker.verify(&topology, Some(&passwords)).await.unwrap(), []);
    let hashes = password_hashes(&vhost).await;
    let second = vhost.broker.apply(&topology, Some(&passwords)).await.unwrap();
    assert_eq!((second.repaired, second.remaining), (vec![], vec![]));
    assert_eq!(password_hashes(&vhost).await, hashes, "no password is hashed again");
}

async fn password_hashes(vhost: &Vhost) -> Vec<String> {
    let mut hashes = Vec::new();
    for user in &vhost.users {
        let stored = vhost.manage(Method::GET, &["users", user], empty_body()).await;
        hashes.push(stored["password_hash"].as_str().unwrap().to_owned());
    }
    hashes
}

#[tokio::test]
async fn a_partial_topology_without_users_can_be_applied() {
    let vhost = Vhost::new();
    let topology = Topology::load()
        .unwrap()
        .only(&["order-queue"])
        .with_retry_delays_ms(&[100]);
    vhost.broker.apply(&topology, None).await.unwrap();
    assert_eq!(vhost.broker.verify(&topology, None).await.unwrap(), []);

    let (_connection, channel) = vhost.operator().await;
    publish(&channel, "platform-events", "payment.completed", "{}")
        .await
        .unwrap();
    assert_eq!(ready_count(&channel, "order-queue").await, 1);
    let depth = vhost.broker.queue_depth("order-queue").await.unwrap();
    assert!(depth.ready <= 1 && depth.unacked == 0);
}

#[tokio::test]
async fn a_user_without_a_password_is_reported_and_not_created() {
    let mut vhost = Vhost::new();
    let (topology, _) = vhost.topology_with_users();
    let topology = topology.only(&["order-queue"]).with_retry_delays_ms(&[100]);
    let applied = vhost
        .broker
        .apply(&topology, Some(&Passwords::default()))
        .await
        .unwrap();
    let user = vhost.user("order-service");
    let line = format!(
        "user {user:?}: missing: set {} and run `topology apply`",
        Passwords::variable(user)
    );
    assert_eq!(
        applied.remaining.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [line]
    );
}
