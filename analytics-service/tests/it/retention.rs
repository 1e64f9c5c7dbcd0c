use crate::support::{World, event};
use analytics_service::partitions;
use chrono::NaiveDate;
use shared::{clock, database::Database, id, testing::eventually};
use std::num::NonZeroU16;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn days(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn database(world: &World) -> Database {
    Database::new(&world.bed.database_url, "analytics-service", 4).unwrap()
}

async fn store_on(world: &World, text: &str) {
    let insert = "insert into events
        values ($1, gen_random_uuid(), 'order.placed', 'order-service', gen_random_uuid(), 'c', 1, now(), '{}')";
    sqlx::query(insert)
        .bind(day(text))
        .execute(&world.service.database)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_days_are_dropped_and_the_others_stay() {
    let world = World::new().await;
    let database = database(&world);
    partitions::maintain(&database, day("2024-02-27"), days(30))
        .await
        .unwrap();
    for stored_on in ["2024-02-28", "2024-02-29", "2024-03-01"] {
        store_on(&world, stored_on).await;
    }
    world
        .probe
        .publish(&event("order.placed", id::new(), 1, clock::now()))
        .await;
    world.stored(4).await;

    partitions::maintain(&database, day("2024-03-02"), days(2))
        .await
        .unwrap();
    assert_eq!(
        world
            .number("select count(*) from events where stored_on = '2024-02-28'")
            .await,
        0
    );
    world.stored(3).await;
    partitions::maintain(&database, clock::now().date_naive(), days(30))
        .await
        .unwrap();
    world.stored(1).await;
    assert_eq!(world.service.status().await["events"]["partitions"], 8);
    // What was counted stays counted.
    assert_eq!(world.number("select sum(events)::bigint from counters").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_maintain_the_partitions_at_the_same_time() {
    let world = World::new().await;
    let database = database(&world);
    partitions::maintain(&database, day("2024-01-01"), days(1))
        .await
        .unwrap();
    let today = day("2030-01-01");
    let again = || partitions::maintain(&database, today, days(1));
    let (one, two, three) = tokio::join!(again(), again(), again());
    one.and(two).and(three).unwrap();
    assert_eq!(world.service.status().await["events"]["first"], "2030-01-01");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_waits_for_a_partition_that_is_missing() {
    let world = World::new().await;
    // What would be if nobody had made partitions for a week.
    let today = clock::now().date_naive();
    let month_ahead = today.checked_add_days(chrono::Days::new(60)).unwrap();
    partitions::maintain(&database(&world), month_ahead, days(1))
        .await
        .unwrap();
    world
        .probe
        .publish(&event("order.placed", id::new(), 1, clock::now()))
        .await;
    eventually("the consumer to pause", || async {
        (world.service.status().await["consumer"]["state"] == "paused").then_some(())
    })
    .await;
    partitions::maintain(&database(&world), today, days(1)).await.unwrap();
    world.stored(1).await;
    let consumer = &world.service.status().await["consumer"];
    assert_eq!(
        (&consumer["retried"], &consumer["deadLettered"]),
        (&0.into(), &0.into()),
        "{consumer}"
    );
}
