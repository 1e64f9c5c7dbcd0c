//! The consumed event and what follows from it.

use crate::fixture::{Fixture, __consumed_event__};
use kernel::id;
use serde_json::json;
use testkit::eventually;

#[tokio::test]
async fn an_event_creates_a_row_and_publishes_the_next_event() {
    let mut fixture = Fixture::new().await;
    let __subject_id__ = id::new();
    let consumed = __consumed_event__(__subject_id__);
    fixture.deliver(&consumed).await;

    let __entity_id__ = fixture.id_of(__subject_id__).await;
    let published = fixture.probe.wait_for("__published__", __entity_id__).await;
    assert_eq!(
        published.data,
        json!({ "__entityId__": __entity_id__, "__subjectId__": __subject_id__ })
    );
    assert_eq!(published.metadata.correlation_id, consumed.metadata.correlation_id);
    assert_eq!(published.metadata.causation_id, consumed.metadata.event_id.to_string());
}

#[tokio::test]
async fn a_repeated_event_takes_effect_once() {
    let fixture = Fixture::new().await;
    let __subject_id__ = id::new();
    let delivered_twice = __consumed_event__(__subject_id__);
    fixture.probe.publish(&delivered_twice).await;
    fixture.probe.publish(&delivered_twice).await;
    // Events about one subject are consumed in their order: after this one, the others have been consumed too.
    fixture.deliver(&__consumed_event__(__subject_id__)).await;

    eventually("an empty outbox", || async {
        (fixture.count("outbox").await == 0).then_some(())
    })
    .await;
    assert_eq!(fixture.count("__entities__").await, 1);
    assert_eq!(fixture.count("published").await, 1);
    assert_eq!(fixture.count("inbox").await, 2);
}
