//! Published events match the schemas and examples of `contracts/`; the publishers' examples can be consumed.

use crate::fixture::{Fixture, __consumed_event__};
use kernel::id;
use messaging::Envelope;
use serde_json::Value;
use __crate__::{events, published};
use rabbitmq::Topology;
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
async fn the_published_event_matches_schema_and_example() {
    let mut fixture = Fixture::new().await;
    let __subject_id__ = id::new();
    fixture.deliver(&__consumed_event__(__subject_id__)).await;
    let __entity_id__ = fixture.id_of(__subject_id__).await;
    let event = fixture.probe.wait_for("__published__", __entity_id__).await;

    let example = read("contracts/__published__.v1.example.json");
    let fields = |data: &Value| data.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&event.data), fields(&example["data"]));
    assert_matches_schema(&serde_json::to_value(event).unwrap());
}

#[tokio::test]
async fn the_examples_of_the_publishers_can_be_consumed() {
    let fixture = Fixture::new().await;
    let topology = Topology::load().unwrap();
    for event_type in events::consumer().event_types() {
        let mut services = topology.services.iter();
        let publisher = services.find(|(_, service)| service.publishes.contains(event_type));
        let (publisher, _) = publisher.unwrap();
        let example = read(&format!("../{publisher}/contracts/{event_type}.v1.example.json"));
        fixture.deliver(&serde_json::from_value(example).unwrap()).await;
    }
}
