//! The published events keep the promises of `contracts/`.

use crate::test_app::TestApp;
use jsonschema::Validator;
use messaging::Envelope;
use serde_json::{Value, json};
use std::path::Path;
use user_service::published;

fn read(event_type: &str, kind: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let path = folder.join(format!("{event_type}.v1.{kind}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn schema(event_type: &str) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(&read(event_type, "schema"))
        .unwrap()
}

#[track_caller]
fn assert_valid(event_type: &str, event: &Value) {
    let errors: Vec<String> = schema(event_type)
        .iter_errors(event)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{event_type}: {errors:?}");
}

#[test]
fn each_example_is_valid_and_each_field_is_required() {
    for event_type in published::TYPES {
        let example = read(event_type, "example");
        assert_valid(event_type, &example);
        let event: Envelope = serde_json::from_value(example.clone()).unwrap();
        assert_eq!(event.event_type, event_type);
        assert_eq!(event.data["userId"], json!(event.metadata.subject));
        for field in example["data"].as_object().unwrap().keys() {
            let mut incomplete = example.clone();
            incomplete["data"].as_object_mut().unwrap().remove(field);
            assert!(
                !schema(event_type).is_valid(&incomplete),
                "{event_type} requires {field}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_published_event_is_valid_and_has_the_fields_of_its_example() {
    let app = TestApp::new().await;
    let mut probe = app.env.events().await;
    let ada = app.register("Ada@Example.com").await;
    app.update(&ada, json!({"name": "Ada King"})).await;
    for event_type in published::TYPES {
        let event = probe.wait_for(event_type, ada.id).await;
        assert_valid(event_type, &serde_json::to_value(&event).unwrap());
        let example = read(event_type, "example");
        let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&event.data), fields(&example["data"]));
    }
}
