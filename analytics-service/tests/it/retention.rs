//! Partitions and retention.

use crate::fixture::{Fixture, event};
use analytics_service::partitions;
use chrono::NaiveDate;
use database::Database;
use kernel::{clock, id};
use std::num::NonZeroU16;
use testkit::eventually;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn days(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn database(fixture: &Fixture) -> Database {
    Database::new(&fixture.env.database_url, "analytics-service", 4).unwrap()
}

async fn store_on(fixture: &Fixture, text: &str) {
    let insert = "insert into events
        values ($1, gen_random_uuid(), 'order.placed', 'order-service', gen_random_uuid(), 'c', 1, now(), '{}')";
    sqlx::query(insert)
        .bind(day(text))
        .execute(&fixture.service.database)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_past_their_retention_are_dropped_and_counters_stay() {
    let fixture = Fixture::new().await;
    let database = database(&fixture);
    partitions::maintain(&database, day("2024-02-27"), days(30))
        .await
        .unwrap();
    for stored_on in ["2024-02-28", "2024-02-29", "2024-03-01"] {
        store_on(&fixture, stored_on).await;
    }
    fixture
        .publish(&event("order.placed", id::new(), 1, clock::now()))
        .await;
    fixture.wait_for_stored(4).await;

    partitions::maintain(&database, day("2024-03-02"), days(2))
        .await
        .unwrap();
    assert_eq!(
        fixture
            .number("select count(*) from events where stored_on = '2024-02-28'")
            .await,
        0
    );
    fixture.wait_for_stored(3).await;
    partitions::maintain(&database, clock::now().date_naive(), days(30))
        .await
        .unwrap();
    fixture.wait_for_stored(1).await;
    assert_eq!(fixture.service.status().await["events"]["partitions"], 8);
    // Counters outlive their events.
    assert_eq!(fixture.number("select sum(events)::bigint from counters").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_maintenance_by_several_instances_succeeds() {
    let fixture = Fixture::new().await;
    let database = database(&fixture);
    partitions::maintain(&database, day("2024-01-01"), days(1))
        .await
        .unwrap();
    let today = day("2030-01-01");
    let again = || partitions::maintain(&database, today, days(1));
    let (one, two, three) = tokio::join!(again(), again(), again());
    one.and(two).and(three).unwrap();
    assert_eq!(fixture.service.status().await["events"]["first"], "2030-01-01");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_partition_pauses_the_consumer_until_it_is_created() {
    let fixture = Fixture::new().await;
    // The state after a week without maintenance.
    let today = clock::now().date_naive();
    let months_ahead = today.checked_add_days(chrono::Days::new(60)).unwrap();
    partitions::maintain(&database(&fixture), months_ahead, days(1))
        .await
        .unwrap();
    fixture
        .publish(&event("order.placed", id::new(), 1, clock::now()))
        .await;
    eventually("the consumer to pause", || async {
        (fixture.service.status().await["consumer"]["state"] == "paused").then_some(())
    })
    .await;
    partitions::maintain(&database(&fixture), today, days(1)).await.unwrap();
    fixture.wait_for_stored(1).await;
    let consumer = &fixture.service.status().await["consumer"];
    assert_eq!(
        (&consumer["retried"], &consumer["deadLettered"]),
        (&0.into(), &0.into()),
        "{consumer}"
    );
}
