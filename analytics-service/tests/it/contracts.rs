//! Contracts: every publisher's example events are stored.

use crate::fixture::Fixture;
use kernel::id;
use messaging::Envelope;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// The binding key `#` matches every event of every service: all examples are stored, and appear in the timelines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_publishers_examples_are_stored() {
    let fixture = Fixture::new().await;
    let mut subjects: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    let examples = examples();
    assert!(
        examples.len() >= 17,
        "the examples of four services: {}",
        examples.len()
    );
    for mut event in examples {
        // Each service chose the ids of its examples by itself.
        event.metadata.event_id = id::new();
        fixture.publish(&event).await;
        subjects.entry(event.metadata.subject).or_default().push(event.data);
    }
    let total = subjects.values().map(Vec::len).sum::<usize>();
    fixture.wait_for_stored(i64::try_from(total).unwrap()).await;
    for (subject, published) in subjects {
        let timeline = fixture.get(&format!("/api/analytics/timelines/{subject}")).await;
        let found: Vec<_> = timeline["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["data"].clone())
            .collect();
        assert_eq!(found.len(), published.len(), "{subject}");
        assert!(published.iter().all(|data| found.contains(data)), "{subject}");
    }
}

fn examples() -> Vec<Envelope> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut examples = Vec::new();
    for service in ["user-service", "order-service", "product-service", "payment-service"] {
        for entry in fs::read_dir(workspace.join(service).join("contracts")).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().is_some_and(|path| path.ends_with(".example.json")) {
                let text = fs::read_to_string(&path).unwrap();
                let example = serde_json::from_str(&text);
                examples.push(example.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
            }
        }
    }
    examples
}
