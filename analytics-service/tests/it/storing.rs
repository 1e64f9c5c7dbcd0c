//! Storing and counting of events.

use crate::fixture::{Fixture, event, moment};
use kernel::{clock, id};
use messaging::{EXCHANGE, Envelope};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use testkit::eventually;

const TYPES: [&str; 5] = [
    "order.placed",
    "payment.completed",
    "inventory.reserved",
    "order.confirmed",
    "order.shipped",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_store_and_count_each_of_a_thousand_events_once() {
    let fixture = Fixture::new().await;
    let second = fixture.start_second().await;
    let now = clock::now();
    let mut expected = BTreeMap::new();
    let mut published = 0;
    for number in 0..1_000_i64 {
        let event_type = TYPES[usize::try_from(number % 5).unwrap()];
        let event = event(event_type, id::new(), 1, now);
        *expected.entry(event_type).or_insert(0) += 1;
        let copies = if number % 4 == 0 { 2 } else { 1 };
        for _ in 0..copies {
            fixture.publish(&event).await;
            published += 1;
        }
    }
    let handled = eventually("all deliveries to be handled", || async {
        let (one, other) = (fixture.service.status().await, second.status().await);
        let count = |counter: &str| {
            let of = |status: &Value| status["consumer"][counter].as_u64().unwrap();
            (of(&one), of(&other))
        };
        let (handled, duplicates) = (count("handled"), count("duplicates"));
        let all = handled.0 + handled.1 + duplicates.0 + duplicates.1;
        (all >= published).then_some((handled, duplicates.0 + duplicates.1))
    })
    .await;
    assert_eq!((handled.0.0 + handled.0.1, handled.1), (1_000, 250));
    assert!(
        handled.0.0 > 0 && handled.0.1 > 0,
        "both instances handle events: {handled:?}"
    );
    fixture.wait_for_stored(1_000).await;
    assert_eq!(
        fixture.number("select count(distinct event_id) from events").await,
        1_000
    );
    let counters = fixture.get("/api/analytics/counters").await;
    let counted: BTreeMap<_, _> = counters["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["type"].as_str().unwrap(), item["count"].as_i64().unwrap()))
        .collect();
    assert_eq!(counted, expected);
    assert_eq!(fixture.number("select count(*) from dead_letters").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_stored_whole() {
    let fixture = Fixture::new().await;
    let mut event = event("order.placed", id::new(), 3, moment("2026-01-02T03:04:05.678901Z"));
    event.data = json!({ "text": "Grüße 🦀", "nested": [{ "deep": null }, 1.5, i64::MAX] });
    fixture.publish(&event).await;
    fixture.wait_for_stored(1).await;
    let stored: Value = sqlx::query_scalar("select envelope from events")
        .fetch_one(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(stored, serde_json::to_value(&event).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_with_times_long_ago_or_in_the_future_are_stored() {
    let fixture = Fixture::new().await;
    let subject = id::new();
    let times = ["1999-12-31T23:30:00Z", "2026-01-01T00:00:00Z", "2126-06-01T12:00:00Z"];
    for (sequence, at) in (1..).zip(times) {
        fixture
            .publish(&event("order.placed", subject, sequence, moment(at)))
            .await;
    }
    fixture.wait_for_stored(3).await;
    let counters = fixture.get("/api/analytics/counters?day=1999-12-31").await;
    assert_eq!(counters["items"][0]["hours"][23], 1, "{counters}");
    let timeline = fixture.get(&format!("/api/analytics/timelines/{subject}")).await;
    assert_eq!(timeline["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_message_does_not_affect_the_rest_of_its_batch() {
    let fixture = Fixture::new().await;
    let good = |sequence| event("order.placed", id::new(), sequence, clock::now());
    // PostgreSQL stores no NUL in a text, and no year that early.
    let mut with_nul = good(1);
    with_nul.data = json!({ "text": "a\0b" });
    let mut too_early = good(1);
    too_early.metadata.timestamp = chrono::DateTime::<chrono::Utc>::MIN_UTC;
    let mut events: Vec<Envelope> = (0..20).map(good).collect();
    events.insert(7, with_nul);
    events.insert(15, too_early);
    for event in &events {
        fixture.publish(event).await;
    }
    fixture
        .probe
        .publish_raw(EXCHANGE, "order.placed", b"no event at all")
        .await;
    fixture.wait_for_stored(20).await;
    eventually("three dead letters", || async {
        (fixture
            .number("select count(*) from dead_letters where status = 'waiting'")
            .await
            == 3)
            .then_some(())
    })
    .await;
    assert_eq!(fixture.number("select sum(events)::bigint from counters").await, 20);
    assert_eq!(fixture.number("select count(*) from inbox").await, 20);
}

/// A stranger's lock on one counter stops neither its batch nor the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_counter_does_not_affect_the_rest_of_its_batch() {
    let fixture = Fixture::new().await;
    let now = clock::now();
    let placed = || event("order.placed", id::new(), 1, now);
    fixture.publish(&placed()).await;
    fixture.wait_for_stored(1).await;
    let mut stranger = PgConnection::connect(&fixture.env.database_url).await.unwrap();
    sqlx::raw_sql("begin; select from counters for update")
        .execute(&mut stranger)
        .await
        .unwrap();
    for _ in 0..20 {
        fixture.publish(&placed()).await;
        fixture.publish(&event("user.updated", id::new(), 1, now)).await;
    }
    fixture.wait_for_stored(21).await;
    let consumer = &fixture.service.status().await["consumer"];
    assert_eq!(consumer["state"], "consuming", "{consumer}");
    stranger.close().await.unwrap();
    fixture.wait_for_stored(41).await;
    assert_eq!(fixture.number("select count(*) from dead_letters").await, 0);
}
