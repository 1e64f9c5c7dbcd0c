//! What is published keeps the promise of `contracts/`; what order-service promises can be consumed.

use crate::support::{CUP, SOLD_OUT, World};
use product_service::events::CONSUMES;
use serde_json::Value;
use shared::messaging::envelope::Envelope;
use std::path::Path;
use uuid::Uuid;

const PUBLISHES: [&str; 3] = ["inventory.reserved", "inventory.rejected", "inventory.released"];

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
    let reserved = world.place(&[(CUP, 2)]).await;
    let rejected = world.place(&[(SOLD_OUT, 1)]).await;
    world.probe.wait_for("inventory.reserved", reserved).await;
    world.tell("order.failed", reserved).await;
    let published = [
        world.probe.wait_for("inventory.reserved", reserved).await,
        world.probe.wait_for("inventory.released", reserved).await,
        world.probe.wait_for("inventory.rejected", rejected).await,
    ];
    for event in published {
        let example = read(&format!("contracts/{}.v1.example.json", event.event_type));
        assert_same_shape(&event.data, &example["data"]);
        assert_keeps_promise(&serde_json::to_value(event).unwrap());
    }
}

/// The same fields, down to the first item of each list.
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
async fn what_order_service_promises_can_be_consumed() {
    let world = World::new().await;
    stock_what_the_example_orders(&world).await;
    for (event_type, _) in CONSUMES {
        let event: Envelope = serde_json::from_value(order_example(event_type)).unwrap();
        world.probe.publish(&event).await;
        world.wait_for_inbox(&event).await;
    }
    let letters = sqlx::query_scalar::<_, i64>("select count(*) from dead_letters");
    assert_eq!(letters.fetch_one(&world.service.database).await.unwrap(), 0);
}

fn order_example(event_type: &str) -> Value {
    read(&format!("../order-service/contracts/{event_type}.v1.example.json"))
}

async fn stock_what_the_example_orders(world: &World) {
    for line in order_example("order.placed")["data"]["items"].as_array().unwrap() {
        let product_id: Uuid = line["productId"].as_str().unwrap().parse().unwrap();
        sqlx::query(
            "insert into products (id, name, price_minor, currency, initial, available)
             values ($1, 'example', 1, 'USD', 100, 100)",
        )
        .bind(product_id)
        .execute(&world.service.database)
        .await
        .unwrap();
    }
}
