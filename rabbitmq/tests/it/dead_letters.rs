//! Routes of messages that are rejected, delayed or never acknowledged.

use crate::vhost::{Vhost, empty_body, eventually, get, publish, ready_count};
use lapin::{
    Channel, Connection,
    options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions},
};
use rabbitmq::{TOPOLOGY, Topology};
use reqwest::Method;
use std::time::{Duration, Instant};

const DELAY_MS: u64 = 400;

async fn applied(topology: Topology) -> (Vhost, Connection, Channel) {
    let vhost = Vhost::new();
    let topology = topology.only(&["order-queue"]).with_retry_delays_ms(&[DELAY_MS]);
    vhost.broker.apply(&topology, None).await.unwrap();
    let (connection, channel) = vhost.operator().await;
    (vhost, connection, channel)
}

async fn requeue(channel: &Channel, queue: &str) {
    let message = get(channel, queue).await;
    message
        .delivery
        .nack(BasicNackOptions {
            requeue: true,
            ..Default::default()
        })
        .await
        .unwrap();
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
    let (_vhost, _connection, channel) = applied(Topology::parse(&limited).unwrap()).await;
    publish(&channel, "platform-events", "payment.failed", "poison")
        .await
        .unwrap();
    for _ in 0..3 {
        requeue(&channel, "order-queue").await;
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
        requeue(&channel, "order-queue.dlq").await;
    }
    eventually("stuck message", || async {
        let depth = vhost.broker.queue_depth("order-queue.dlq").await.unwrap();
        (depth.stuck == 1 && depth.ready == 0).then_some(())
    })
    .await;

    let policy = ["policies", vhost.name.as_str(), "order-queue.dlq"];
    let mut changed = vhost.manage(Method::GET, &policy, empty_body()).await;
    changed["definition"]["dead-letter-routing-key"] = "replay".into();
    vhost.manage(Method::PUT, &policy, changed).await;
    assert_eq!(get(&channel, "order-queue").await.delivery.data, b"precious");
}
