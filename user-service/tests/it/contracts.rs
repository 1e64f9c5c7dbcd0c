//! What is published is what `contracts/` promises.

use crate::support::World;
use jsonschema::Validator;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::messaging::envelope::Envelope;
use std::path::Path;

const EVENTS: [&str; 2] = ["user.registered", "user.updated"];

fn read(event_type: &str, kind: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let text = std::fs::read_to_string(folder.join(format!("{event_type}.v1.{kind}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn schema(event_type: &str) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&read(event_type, "schema"))
        .unwrap()
}

#[track_caller]
fn assert_fits(event_type: &str, event: &Value) {
    let errors: Vec<String> = schema(event_type)
        .iter_errors(event)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{event_type}: {errors:?}");
}

#[test]
fn the_examples_fit_and_are_messages() {
    for event_type in EVENTS {
        let example = read(event_type, "example");
        assert_fits(event_type, &example);
        let event: Envelope = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(event.event_type, event_type);
        assert_eq!(event.data["userId"], json!(event.metadata.subject));
        for field in ["userId", "email", "name"] {
            let mut poorer = example.clone();
            poorer["data"].as_object_mut().unwrap().remove(field);
            assert!(!schema(event_type).is_valid(&poorer), "{event_type} promises {field}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_fits() {
    let world = World::new().await;
    let mut probe = world.bed.events().await;
    let ada = world.register("Ada@Example.com").await;
    let answer = world
        .patch(&ada.identity, &json!({"name": "Ada King"}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    for event_type in EVENTS {
        let event = probe.wait_for(event_type, ada.id).await;
        assert_fits(event_type, &serde_json::to_value(&event).unwrap());
        let example = read(event_type, "example");
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            fields(&event.data),
            fields(&example["data"]),
            "the example shows what is sent, no more and no less"
        );
    }
}
