//! Published events match the schemas and examples of `contracts/`; the examples of order-service can be consumed.

use crate::fixture::Fixture;
use messaging::Envelope;
use payment_service::{events, published};
use serde_json::Value;
use std::path::Path;

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn assert_matches_schema(event: &Value) {
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
fn every_example_matches_its_schema() {
    for event_type in published::TYPES {
        let example = read(&format!("contracts/{event_type}.v1.example.json"));
        assert_eq!(example["type"], event_type);
        assert_matches_schema(&example);
        serde_json::from_value::<Envelope>(example).unwrap();
    }
}

#[tokio::test]
async fn published_events_match_schema_and_example() {
    let mut fixture = Fixture::new().await;
    let paid = fixture.place_order("pm_ok").await;
    fixture.wait_for("payment.completed", paid).await;
    fixture.publish("order.cancelled", paid).await;
    let declined = fixture.place_order("pm_declined").await;
    fixture.wait_for("payment.failed", declined).await;
    fixture.publish("order.failed", declined).await;
    let published = [
        fixture.wait_for("payment.completed", paid).await,
        fixture.wait_for("payment.refunded", paid).await,
        fixture.wait_for("payment.failed", declined).await,
        fixture.wait_for("payment.voided", declined).await,
    ];
    for event in published {
        let example = read(&format!("contracts/{}.v1.example.json", event.event_type));
        let fields = |data: &Value| data.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&event.data), fields(&example["data"]), "{}", event.event_type);
        assert_matches_schema(&serde_json::to_value(event).unwrap());
    }
}

#[tokio::test]
async fn the_examples_of_order_service_can_be_consumed() {
    let fixture = Fixture::new().await;
    for event_type in events::consumer().event_types() {
        let example = read(&format!("../order-service/contracts/{event_type}.v1.example.json"));
        let event: Envelope = serde_json::from_value(example).unwrap();
        fixture.deliver(&event).await;
    }
    assert_eq!(fixture.dead_letters().await, 0);
}
