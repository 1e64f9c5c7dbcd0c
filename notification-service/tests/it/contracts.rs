//! Contracts: the publishers' example events are consumed end to end.

use crate::fixture::{Fixture, User};
use messaging::Envelope;
use rabbitmq::Topology;
use std::collections::BTreeSet;
use uuid::Uuid;

/// The events that the topology routes to this service, in the order of an order's life.
const ROUTED: [(&str, &str); 11] = [
    ("user-service", "user.registered"),
    ("user-service", "user.updated"),
    ("order-service", "order.placed"),
    ("order-service", "order.confirmed"),
    ("order-service", "order.shipped"),
    ("order-service", "order.delivered"),
    ("order-service", "order.failed"),
    ("order-service", "order.cancelled"),
    ("payment-service", "payment.refunded"),
    ("order-service", "order.payment_received"),
    ("order-service", "order.compensation_requested"),
];

#[test]
fn each_event_that_reaches_the_queue_is_consumed_here() {
    let topology = Topology::load().unwrap();
    let reaching = topology
        .events
        .iter()
        .filter(|(_, queues)| queues.contains("notification-queue"));
    let reaching: BTreeSet<_> = reaching.map(|(event_type, _)| event_type.as_str()).collect();
    assert_eq!(BTreeSet::from(ROUTED.map(|(_, event_type)| event_type)), reaching);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publishers_examples_become_notifications_and_mails() {
    let fixture = Fixture::new().await;
    let registered = example("user-service", "user.registered");
    let user = User {
        id: registered.metadata.subject,
        email: example("user-service", "user.updated").data["email"]
            .as_str()
            .unwrap()
            .to_owned(),
    };
    for (service, event_type) in ROUTED {
        // Each service chose the ids of its examples by itself; here all are about one order of one user.
        let mut event = example(service, event_type);
        for (field, id) in [("orderId", Uuid::from_u128(1)), ("userId", user.id)] {
            if event.data.get(field).is_some() {
                event.data[field] = id.to_string().into();
            }
        }
        fixture.publish(&event).await;
        fixture.wait_for_inbox(&event).await;
    }
    let mut kinds: Vec<_> = fixture
        .notifications(&user)
        .await
        .iter()
        .map(|one| one["kind"].clone())
        .collect();
    kinds.reverse();
    let notified = [
        "order.confirmed",
        "order.shipped",
        "order.delivered",
        "order.failed",
        "order.cancelled",
        "payment.refunded",
    ];
    assert_eq!(kinds, notified);
    assert_eq!(
        fixture.mails.wait_for(notified.len(), &user).await.len(),
        notified.len()
    );
}

fn example(service: &str, event_type: &str) -> Envelope {
    let path = format!(
        "{}/../{service}/contracts/{event_type}.v1.example.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
