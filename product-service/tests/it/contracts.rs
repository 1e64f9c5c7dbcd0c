//! Contracts: published events validate against the schemas of `contracts/`, order-service's examples can be consumed, and
//! the topology routes both.

use crate::fixture::{CUP, Fixture, SOLD_OUT};
use messaging::Envelope;
use product_service::{events, published};
use rabbitmq::Topology;
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};
use uuid::Uuid;

#[test]
fn the_topology_routes_every_event_consumed_and_published() {
    let topology = Topology::load().unwrap();
    let service = &topology.services["product-service"];
    let consumer = events::consumer();
    assert_eq!(service.queue.as_deref(), Some(consumer.queue()));
    let set = |types: &[&str]| types.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(service.bindings, set(&consumer.event_types()));
    assert_eq!(service.publishes, set(&published::TYPES));
}

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn assert_valid(event: &Value) {
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
fn every_example_is_valid() {
    for event_type in published::TYPES {
        let example = read(&format!("contracts/{event_type}.v1.example.json"));
        assert_eq!(example["type"], event_type);
        assert_valid(&example);
        serde_json::from_value::<Envelope>(example).unwrap();
    }
}

#[tokio::test]
async fn published_events_have_the_shape_of_the_examples() {
    let mut fixture = Fixture::new().await;
    let reserved = fixture.place(&[(CUP, 2)]).await;
    let rejected = fixture.place(&[(SOLD_OUT, 1)]).await;
    fixture.probe.wait_for("inventory.reserved", reserved).await;
    fixture.publish("order.failed", reserved).await;
    let events = [
        fixture.probe.wait_for("inventory.reserved", reserved).await,
        fixture.probe.wait_for("inventory.released", reserved).await,
        fixture.probe.wait_for("inventory.rejected", rejected).await,
    ];
    for event in events {
        let example = read(&format!("contracts/{}.v1.example.json", event.event_type));
        assert_same_shape(&event.data, &example["data"]);
        assert_valid(&serde_json::to_value(event).unwrap());
    }
}

/// Asserts that both have the same fields, down to the first item of each list.
fn assert_same_shape(first: &Value, second: &Value) {
    match (first, second) {
        (Value::Object(first), Value::Object(second)) => {
            assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
            first
                .keys()
                .for_each(|key| assert_same_shape(&first[key], &second[key]));
        }
        (Value::Array(first), Value::Array(second)) => assert_same_shape(&first[0], &second[0]),
        _ => assert_eq!(
            std::mem::discriminant(first),
            std::mem::discriminant(second),
            "{first} {second}"
        ),
    }
}

#[tokio::test]
async fn the_examples_of_order_service_can_be_consumed() {
    let fixture = Fixture::new().await;
    stock_the_products_of_the_example(&fixture).await;
    // In the order of an order's life: consumed in another order, some would have no effect.
    let consumed = [
        "order.placed",
        "order.confirmed",
        "order.failed",
        "order.cancelled",
        "order.compensation_requested",
    ];
    let types: BTreeSet<_> = events::consumer().event_types().into_iter().collect();
    assert_eq!(types, BTreeSet::from(consumed));
    for event_type in consumed {
        let event: Envelope = serde_json::from_value(order_example(event_type)).unwrap();
        fixture.probe.publish(&event).await;
        fixture.wait_for_inbox(&event).await;
    }
    let letters = sqlx::query_scalar::<_, i64>("select count(*) from dead_letters");
    assert_eq!(letters.fetch_one(&fixture.service.database).await.unwrap(), 0);
}

fn order_example(event_type: &str) -> Value {
    read(&format!("../order-service/contracts/{event_type}.v1.example.json"))
}

async fn stock_the_products_of_the_example(fixture: &Fixture) {
    for line in order_example("order.placed")["data"]["items"].as_array().unwrap() {
        let product_id: Uuid = line["productId"].as_str().unwrap().parse().unwrap();
        sqlx::query(
            "insert into products (id, name, price_minor, currency, initial, available)
             values ($1, 'example', 1, 'USD', 100, 100)",
        )
        .bind(product_id)
        .execute(&fixture.service.database)
        .await
        .unwrap();
    }
}
