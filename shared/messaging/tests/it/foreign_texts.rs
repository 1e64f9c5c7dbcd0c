//! Texts of other systems that cannot be passed on or stored as they are hold up nothing.

use crate::fixture::{Call, count, enqueue, env, open, run, sold, until_count};
use kernel::id;
use messaging::Envelope;
use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::eventually;

const WAITING: &str = "select count(*) from outbox";

/// Returns an event whose handler emits another, and whose correlation id is this.
fn correlated(mood: &str, correlation_id: &str) -> Envelope {
    let mut event = sold(mood);
    correlation_id.clone_into(&mut event.metadata.correlation_id);
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_an_event_is_published_whatever_its_correlation_id() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let mut events = env.events().await;
    let known = correlated("torn", "order-4711");
    let unfit = [
        "x".repeat(300),
        "no\0text".to_owned(),
        "two\nlines".to_owned(),
        String::new(),
    ];
    let unfit: Vec<Envelope> = unfit.iter().map(|id| correlated("torn", id)).collect();
    for event in unfit.iter().chain([&known]) {
        events.publish(event).await;
    }
    for event in &unfit {
        let torn = events.wait_for("ticket.torn", event.metadata.subject).await;
        // The event's own id is the same for each delivery, and leads to the event.
        assert_eq!(torn.metadata.correlation_id, event.metadata.event_id.to_string());
    }
    let torn = events.wait_for("ticket.torn", known.metadata.subject).await;
    assert_eq!(torn.metadata.correlation_id, "order-4711");
    until_count(&service.database, WAITING, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_replayed_whatever_its_correlation_id_and_type() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    let event = correlated("hopeless", &"x".repeat(300));
    events.publish(&event).await;
    until_count(&service.database, "select count(*) from dead_letters", 1).await;
    let stored = "update dead_letters set correlation_id = repeat('x', 300), event_type = repeat('y', 300)";
    run(&service.database, stored).await;
    let replayed = service
        .operator(Method::POST, "/internal/dead-letters/replay")
        .json(&json!({}));
    assert_eq!(replayed.send().await.unwrap().status(), StatusCode::OK);
    until_count(
        &service.database,
        "select count(*) from dead_letters where status = 'waiting'",
        1,
    )
    .await;
    assert_eq!(count(&service.database, WAITING).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_parked_whatever_the_text_of_its_failure() {
    let env = env().await;
    let (service, config) = open(&env).await;
    enqueue(&config.database(), id::new(), &Call::of("garbled")).await;
    let error = eventually("a parked job", || async {
        sqlx::query_scalar::<_, String>("select last_error from intents where parked_at is not null")
            .fetch_optional(&service.database)
            .await
            .unwrap()
    })
    .await;
    assert_eq!(error, "no\u{fffd}answer");
}
