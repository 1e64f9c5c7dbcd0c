//! Each event takes effect once, whatever happens to its deliveries.

use crate::fixture::{MIGRATOR, assemble, config, count, env, open, sold, until_count};
use messaging::EXCHANGE;
use testkit::eventually;

const SEATS: &str = "select count(*) from seats";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_sent_three_times_takes_effect_once() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    let tickets: Vec<_> = (0..100).map(|_| sold("good")).collect();
    for _ in 0..3 {
        for ticket in &tickets {
            events.publish(ticket).await;
        }
    }
    eventually("200 duplicates to be counted", || async {
        (service.status().await["consumer"]["duplicates"] == 200).then_some(())
    })
    .await;
    assert_eq!(count(&service.database, SEATS).await, 100);
    assert_eq!(
        count(&service.database, "select count(distinct event_id) from seats").await,
        100
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_the_work() {
    let env = env().await;
    let events = env.events().await;
    let (one, _) = open(&env).await;
    let two = env.start("seat-service", &MIGRATOR, config("two"), assemble).await;
    for _ in 0..300 {
        events.publish(&sold("good")).await;
    }
    until_count(&one.database, SEATS, 300).await;
    assert_eq!(
        count(&one.database, "select count(distinct instance) from seats").await,
        2
    );
    assert_eq!(count(&one.database, "select count(*) from inbox").await, 300);
    eventually("each instance to publish half of the outbox", || async {
        let shards = [one.status().await, two.status().await].map(|status| status["outbox"]["relay"]["shards"].clone());
        (shards == [8, 8]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing_and_repeats_nothing() {
    let env = env().await;
    let events = env.events().await;
    let (first, _) = open(&env).await;
    let publishing = async {
        for _ in 0..400 {
            events.publish(&sold("good")).await;
        }
    };
    let stopping = async {
        until_some(&first.database).await;
        let database = first.database.clone();
        first.stop().await;
        database
    };
    let (database, ()) = tokio::join!(stopping, publishing);
    let stopped_at = count(&database, SEATS).await;
    assert!(stopped_at < 400, "it was stopped too late to show anything");
    let (second, _) = open(&env).await;
    until_count(&second.database, SEATS, 400).await;
    assert_eq!(
        count(&second.database, "select count(distinct event_id) from seats").await,
        400
    );
}

async fn until_some(pool: &sqlx::PgPool) {
    eventually("a first seat", || async {
        (count(pool, SEATS).await > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_without_a_handler_is_recorded_and_has_no_effect() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    let mut torn = sold("good");
    torn.event_type = "ticket.torn".to_owned();
    events.publish(&torn).await;
    until_count(
        &service.database,
        "select count(*) from inbox where event_type = 'ticket.torn'",
        1,
    )
    .await;
    assert_eq!(count(&service.database, SEATS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_for_a_while_succeeds_by_retry() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let events = env.events().await;
    events.publish(&sold("fickle")).await;
    eventually("a first retry", || async {
        (service.status().await["consumer"]["retried"].as_u64() > Some(0)).then_some(())
    })
    .await;
    config.failing.store(false, std::sync::atomic::Ordering::SeqCst);
    until_count(&service.database, SEATS, 1).await;
    let consumer = service.status().await["consumer"].clone();
    assert!(consumer["retried"].as_u64() >= Some(1), "{consumer}");
    assert_eq!(consumer["deadLettered"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_does_not_stop_its_neighbours() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    for _ in 0..20 {
        events.publish(&sold("panics")).await;
        events.publish(&sold("good")).await;
    }
    until_count(&service.database, SEATS, 20).await;
    until_count(
        &service.database,
        "select count(*) from dead_letters where reason like '%panic%'",
        20,
    )
    .await;
    assert_eq!(
        count(&service.database, "select count(distinct attempts) from dead_letters").await,
        1
    );
    assert_eq!(
        count(&service.database, "select max(attempts)::bigint from dead_letters").await,
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_do_not_stop_the_queue() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let events = env.events().await;
    for rubbish in [
        &b"{"[..],
        b"",
        b"null",
        b"\xff\xfe\x00",
        br#"{"type":"ticket.sold","data":{}}"#,
    ] {
        events.publish_raw(EXCHANGE, "ticket.sold", rubbish).await;
    }
    let mut future = sold("good");
    future.metadata.version = "2.0".to_owned();
    events
        .publish_raw(EXCHANGE, "ticket.sold", &serde_json::to_vec(&future).unwrap())
        .await;
    events.publish(&sold("good")).await;
    until_count(&service.database, SEATS, 1).await;
    until_count(&service.database, "select count(*) from dead_letters", 6).await;
    until_count(
        &service.database,
        "select count(*) from dead_letters where reason like '%version 2.0%'",
        1,
    )
    .await;
}
