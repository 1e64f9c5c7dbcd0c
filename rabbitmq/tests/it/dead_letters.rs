//! Routes of messages that are rejected, delayed or never acknowledged.

use crate::vhost::{Vhost, empty_body, eventually, get, publish, ready_count};
use lapin::{
    Channel, Connection,
    options::{BasicAckOptions, BasicGetOptions, BasicRejectOptions},
};
use rabbitmq::{TOPOLOGY, Topology};
use reqwest::Method;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

const DELAY_MS: u64 = 400;

async fn applied(topology: Topology) -> (Vhost, Connection, Channel) {
    let vhost = Vhost::new();
    let topology = topology.only(&["order-queue"]).with_retry_delays_ms(&[DELAY_MS]);
    vhost.broker.apply(&topology, None).await.unwrap();
    let (connection, channel) = vhost.operator().await;
    (vhost, connection, channel)
}

/// Ends a connection with the next message of the queue in hand, as a consumer does that dies of it. RabbitMQ 4.3 counts neither a
/// `basic.nack` nor the consumer timeout towards the delivery limit.
async fn die_of_message(vhost: &Vhost, queue: &str) {
    let (connection, channel) = vhost.operator().await;
    get(&channel, queue).await;
    connection.close(200, "died".into()).await.unwrap();
}

#[tokio::test]
async fn a_rejected_message_becomes_a_dead_letter_and_can_be_replayed() {
    let (_vhost, _connection, channel) = applied(Topology::load().unwrap()).await;
    publish(&channel, "platform-events", "payment.failed", "rejected")
        .await
        .unwrap();
    let message = get(&channel, "order-queue").await;
    message
        .delivery
        .reject(BasicRejectOptions { requeue: false })
        .await
        .unwrap();

    let dead_letter = get(&channel, "order-queue.dlq").await;
    assert_eq!(dead_letter.delivery.data, b"rejected");
    assert_eq!(ready_count(&channel, "order-queue").await, 0);
    publish(&channel, "order-queue.retry", "replay", "rejected")
        .await
        .unwrap();
    dead_letter.delivery.ack(BasicAckOptions::default()).await.unwrap();
    assert_eq!(get(&channel, "order-queue").await.delivery.data, b"rejected");
}

#[tokio::test]
async fn a_delayed_message_returns_to_its_queue_after_the_delay() {
    let (_vhost, _connection, channel) = applied(Topology::load().unwrap()).await;
    let key = format!("{DELAY_MS}ms");
    let sent = Instant::now();
    publish(&channel, "order-queue.retry", &key, "delayed").await.unwrap();
    let message = get(&channel, "order-queue").await;
    assert!(
        sent.elapsed() >= Duration::from_millis(DELAY_MS),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(message.delivery.data, b"delayed");
    assert_eq!(message.delivery.routing_key.as_str(), "replay");
}

#[tokio::test]
async fn a_poison_message_becomes_a_dead_letter_at_the_delivery_limit() {
    let limited = TOPOLOGY.replace("\ndelivery_limit = 1000\n", "\ndelivery_limit = 2\n");
    let (vhost, _connection, channel) = applied(Topology::parse(&limited).unwrap()).await;
    publish(&channel, "platform-events", "payment.failed", "poison")
        .await
        .unwrap();
    for _ in 0..3 {
        die_of_message(&vhost, "order-queue").await;
    }
    assert_eq!(get(&channel, "order-queue.dlq").await.delivery.data, b"poison");
}

#[tokio::test]
async fn a_rejected_dead_letter_moves_to_the_end_of_its_queue() {
    let (_vhost, _connection, channel) = applied(Topology::load().unwrap()).await;
    publish(&channel, "order-queue.retry", "dead", "first").await.unwrap();
    publish(&channel, "order-queue.retry", "dead", "second").await.unwrap();
    for expected in ["first", "second", "first", "second", "first"] {
        let message = get(&channel, "order-queue.dlq").await;
        assert_eq!(message.delivery.data, expected.as_bytes());
        message
            .delivery
            .reject(BasicRejectOptions { requeue: false })
            .await
            .unwrap();
        eventually("both messages", || async {
            (ready_count(&channel, "order-queue.dlq").await == 2).then_some(())
        })
        .await;
    }
}

/// RabbitMQ 3.10 never forgets what a queue has dead-lettered to itself: it comes back when the queue's process starts again.
#[tokio::test]
async fn a_rejected_dead_letter_is_forgotten_once_it_is_taken() {
    let (vhost, _connection, channel) = applied(Topology::load().unwrap()).await;
    let texts = ["one", "two", "three"];
    for text in texts {
        publish(&channel, "order-queue.retry", "dead", text).await.unwrap();
    }
    until_known(&vhost, 3).await;
    for _ in 0..2 {
        reject_all(&channel, texts.len()).await;
    }
    for _ in texts {
        let message = get(&channel, "order-queue.dlq").await;
        message.delivery.ack(BasicAckOptions::default()).await.unwrap();
    }
    until_empty(&vhost).await;
}

async fn reject_all(channel: &Channel, count: usize) {
    for _ in 0..count {
        let message = get(channel, "order-queue.dlq").await;
        let rejected = message.delivery.reject(BasicRejectOptions { requeue: false });
        rejected.await.unwrap();
    }
}

/// Waits until the broker's figures show so many dead letters: those that follow are then newer.
async fn until_known(vhost: &Vhost, ready: u64) {
    eventually("figures of the queue", || async {
        let depth = vhost.broker.queue_depth("order-queue.dlq").await.unwrap();
        (depth.ready == ready).then_some(())
    })
    .await;
}

/// Waits until neither the dead-letter queue nor its retry queue has anything left, ready or on its way to a target, and for
/// longer than the broker's figures are late.
async fn until_empty(vhost: &Vhost) {
    let empty_since = Cell::new(None);
    eventually("queues that stay empty", || async {
        for queue in ["order-queue.dlq", "order-queue.dlq.retry"] {
            let depth = vhost.broker.queue_depth(queue).await.unwrap();
            if depth.ready + depth.unacked + depth.stuck > 0 {
                empty_since.set(None);
                return None;
            }
        }
        let since = empty_since.get().unwrap_or_else(Instant::now);
        empty_since.set(Some(since));
        (since.elapsed() > Duration::from_secs(6)).then_some(())
    })
    .await;
}

/// A broker that has the topology before: its dead-letter queue is its own target, and remembers what it has moved.
#[tokio::test]
async fn apply_ends_the_memory_of_a_queue_that_was_its_own_target() {
    let topology = Topology::load().unwrap();
    let (vhost, _connection, channel) = applied(topology.clone()).await;
    let policy = ["policies", vhost.name.as_str(), "order-queue.dlq"];
    let mut before = vhost.manage(Method::GET, &policy, empty_body()).await;
    before["definition"]["dead-letter-routing-key"] = "dead".into();
    vhost.manage(Method::PUT, &policy, before).await;
    publish(&channel, "order-queue.retry", "dead", "remembered")
        .await
        .unwrap();
    reject_all(&channel, 1).await;

    let topology = topology.only(&["order-queue"]).with_retry_delays_ms(&[DELAY_MS]);
    let applied = vhost.broker.apply(&topology, None).await.unwrap();
    let lines: Vec<String> = applied.repaired.iter().map(ToString::to_string).collect();
    let line = "policy \"order-queue.dlq\": dead-letter-routing-key is \"dead\", must be \"dead-again\"";
    assert_eq!(lines, [line]);
    // Where the broker remembers it, it comes once more.
    eventually("nothing left", || async {
        let next = channel
            .basic_get("order-queue.dlq".into(), BasicGetOptions::default())
            .await
            .unwrap();
        if let Some(message) = next {
            message.delivery.ack(BasicAckOptions::default()).await.unwrap();
        }
        let depth = vhost.broker.queue_depth("order-queue.dlq").await.unwrap();
        (depth.ready + depth.unacked + depth.stuck == 0).then_some(())
    })
    .await;
    until_empty(&vhost).await;
}

/// The real limit (a thousand million) is out of reach; beyond it the message would be kept and reported, not dropped.
#[tokio::test]
async fn a_dead_letter_beyond_the_delivery_limit_is_kept_and_can_be_released() {
    let limited = TOPOLOGY.replace(
        "dead_letter_delivery_limit = 1000000000",
        "dead_letter_delivery_limit = 2",
    );
    let limited = Topology::parse(&limited).unwrap();
    let (vhost, _connection, channel) = applied(limited).await;
    publish(&channel, "order-queue.retry", "dead", "precious")
        .await
        .unwrap();
    for _ in 0..3 {
        die_of_message(&vhost, "order-queue.dlq").await;
    }
    eventually("stuck message", || async {
        let depth = vhost.broker.queue_depth("order-queue.dlq.retry").await.unwrap();
        (depth.stuck == 1 && depth.ready == 0).then_some(())
    })
    .await;

    let policy = ["policies", vhost.name.as_str(), "order-queue.dlq.retry"];
    let mut changed = vhost.manage(Method::GET, &policy, empty_body()).await;
    changed["definition"]["dead-letter-routing-key"] = "replay".into();
    vhost.manage(Method::PUT, &policy, changed).await;
    assert_eq!(get(&channel, "order-queue").await.delivery.data, b"precious");
}
