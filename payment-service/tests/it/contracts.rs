//! What is published keeps the promise of `contracts/`; what order-service promises can be consumed.

use crate::support::World;
use payment_service::events::CONSUMES;
use serde_json::Value;
use shared::messaging::envelope::Envelope;
use std::path::Path;

const PUBLISHES: [&str; 4] = [
    "payment.completed",
    "payment.failed",
    "payment.refunded",
    "payment.voided",
];

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn assert_keeps_promise(event: &Value) {
    let event_type = event["type"].as_str().unwrap();
    let schema = read(&format!("contracts/{event_type}.v1.schema.json"));
    let errors: Vec<_> = jsonschema::validator_for(&schema)
        .unwrap()
        .iter_errors(event)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{event_type}: {errors:?}");
}

#[test]
fn every_example_keeps_its_promise() {
    for event_type in PUBLISHES {
        let example = read(&format!("contracts/{event_type}.v1.example.json"));
        assert_eq!(example["type"], event_type);
        assert_keeps_promise(&example);
        serde_json::from_value::<Envelope>(example).unwrap();
    }
}

#[tokio::test]
async fn what_is_published_looks_like_the_examples() {
    let mut world = World::new().await;
    let paid = world.place("pm_ok").await;
    world.probe.wait_for("payment.completed", paid).await;
    world.tell("order.cancelled", paid).await;
    let declined = world.place("pm_declined").await;
    world.probe.wait_for("payment.failed", declined).await;
    world.tell("order.failed", declined).await;
    let published = [
        world.probe.wait_for("payment.completed", paid).await,
        world.probe.wait_for("payment.refunded", paid).await,
        world.probe.wait_for("payment.failed", declined).await,
        world.probe.wait_for("payment.voided", declined).await,
    ];
    for event in published {
        let example = read(&format!("contracts/{}.v1.example.json", event.event_type));
        let fields = |data: &Value| data.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&event.data), fields(&example["data"]), "{}", event.event_type);
        assert_keeps_promise(&serde_json::to_value(event).unwrap());
    }
}

#[tokio::test]
async fn what_order_service_promises_can_be_consumed() {
    let world = World::new().await;
    for (event_type, _) in CONSUMES {
        let example = read(&format!("../order-service/contracts/{event_type}.v1.example.json"));
        let event: Envelope = serde_json::from_value(example).unwrap();
        world.probe.publish(&event).await;
        world.wait_for_inbox(&event).await;
    }
    assert_eq!(world.dead_letters().await, 0);
}
