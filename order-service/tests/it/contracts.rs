//! Contracts: published events match their schemas, and the publishers' examples suffice for what is consumed here.

use crate::fixture::Fixture;
use messaging::Envelope;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};
use uuid::Uuid;

const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contracts");

fn read(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn published_types() -> BTreeSet<String> {
    let names = fs::read_dir(OURS)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| name.strip_suffix(".v1.schema.json").map(str::to_owned))
        .collect()
}

/// Checks an event against the schema of its type, formats included.
fn check(event: &Value) {
    let event_type = event["type"].as_str().unwrap();
    let schema = read(format!("{OURS}/{event_type}.v1.schema.json"));
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors: Vec<_> = validator.iter_errors(event).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{event_type}: {errors:?}\n{event:#}");
}

#[test]
fn every_example_matches_its_schema() {
    let types = published_types();
    assert_eq!(types.len(), 8, "{types:?}");
    for event_type in types {
        let example = read(format!("{OURS}/{event_type}.v1.example.json"));
        assert_eq!(example["type"], event_type.as_str());
        check(&example);
        let _: Envelope = serde_json::from_value(example).unwrap();
    }
}

#[test]
fn an_invalid_event_does_not_match_its_schema() {
    let mut event = read(format!("{OURS}/order.placed.v1.example.json"));
    event["data"]["items"][0]["quantity"] = json!(0);
    let schema = read(format!("{OURS}/order.placed.v1.schema.json"));
    assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&event));
}

/// Every type is published for real, and looks like its example.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_events_match_their_schemas() {
    let mut fixture = Fixture::with_timing(3600, 0).await;
    let admin = fixture.admin();
    let delivered = fixture.confirmed().await;
    for action in ["ship", "deliver"] {
        assert_eq!(fixture.act(&delivered, action, &admin).await.status(), 200);
    }
    fixture.probe.wait_for("order.delivered", delivered.id).await;
    let failed = fixture.place().await;
    fixture.publish("payment.failed", failed.id).await;
    fixture.probe.wait_for("order.failed", failed.id).await;
    let cancelled = fixture.place().await;
    assert_eq!(
        fixture.act(&cancelled, "cancel", &cancelled.identity).await.status(),
        200
    );
    fixture.probe.wait_for("order.cancelled", cancelled.id).await;
    fixture
        .probe
        .wait_for("order.compensation_requested", cancelled.id)
        .await;

    let ours = fixture
        .probe
        .seen()
        .iter()
        .filter(|event| event.metadata.source == "order-service");
    let mut seen = BTreeSet::new();
    for event in ours {
        let event = serde_json::to_value(event).unwrap();
        check(&event);
        same_fields(&event);
        seen.insert(event["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, published_types());
}

/// The example must not promise by showing what the schema does not, nor leave out what is sent.
fn same_fields(event: &Value) {
    let event_type = event["type"].as_str().unwrap();
    let example = read(format!("{OURS}/{event_type}.v1.example.json"));
    for part in ["data", "metadata"] {
        let fields = |of: &Value| of[part].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(fields(event), fields(&example), "{part} of {event_type}");
    }
}

/// The examples of the services that publish what is consumed here go through the real handlers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_the_publishers_can_be_consumed() {
    let mut fixture = Fixture::new().await;
    for (service, event_type, before, field, value) in [
        ("payment-service", "payment.completed", None, "payment", "captured"),
        ("payment-service", "payment.failed", None, "payment", "declined"),
        (
            "payment-service",
            "payment.voided",
            Some("payment.failed"),
            "payment",
            "voided",
        ),
        (
            "payment-service",
            "payment.refunded",
            Some("inventory.rejected"),
            "payment",
            "refunded",
        ),
        ("product-service", "inventory.reserved", None, "stock", "reserved"),
        ("product-service", "inventory.rejected", None, "stock", "rejected"),
        (
            "product-service",
            "inventory.released",
            Some("payment.failed"),
            "stock",
            "released",
        ),
    ] {
        let placed = fixture.place().await;
        if let Some(before) = before {
            fixture.publish(before, placed.id).await;
            fixture.until(&placed, "status", "failed").await;
        }
        let event = example(service, event_type, placed.id);
        assert_eq!(event.metadata.source, service);
        fixture.probe.publish(&event).await;
        fixture.until(&placed, field, value).await;
    }
}

/// Another service's example, about one of our orders.
fn example(service: &str, event_type: &str, order_id: Uuid) -> Envelope {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut event = read(
        root.join(service)
            .join(format!("contracts/{event_type}.v1.example.json")),
    );
    event["data"]["orderId"] = json!(order_id);
    event["metadata"]["subject"] = json!(order_id);
    event["metadata"]["eventId"] = json!(kernel::id::new());
    serde_json::from_value(event).unwrap()
}
