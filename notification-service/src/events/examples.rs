//! The publishers' example events, which the views of this service are tested with.

use messaging::Envelope;

/// Reads the example that a publishing service keeps of an event: the promise that a view relies on.
pub(super) fn example(service: &str, event_type: &str) -> Envelope {
    let path = format!(
        "{}/../{service}/contracts/{event_type}.v1.example.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
