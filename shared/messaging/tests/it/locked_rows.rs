//! A lock that a stranger holds stops what needs the locked row, and nothing else.

use crate::fixture::{MIGRATOR, assemble, config, count, env, open, sold, until_count, until_state};
use fault_proxy::{Link, LinkFault};
use kernel::clock;
use lapin::{
    BasicProperties, Connection as Broker, ConnectionProperties,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};
use sqlx::{Connection, PgConnection};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};
use testkit::{TestEnv, TestService, eventually};

const SEATS: &str = "select count(*) from seats";
const DEAD: &str = "select count(*) from dead_letters";

/// Locks the row that handlers share, until the connection is dropped.
async fn lock_the_door(env: &TestEnv) -> PgConnection {
    let mut stranger = PgConnection::connect(&env.database_url).await.unwrap();
    sqlx::raw_sql("begin; select from doors where id = 1 for update")
        .execute(&mut stranger)
        .await
        .unwrap();
    stranger
}

/// Publishes twenty-four events of a locked row and then one of no such row, and asserts that this one is soon handled.
async fn assert_others_pass(env: &TestEnv, service: &TestService) {
    let stranger = lock_the_door(env).await;
    let events = env.events().await;
    for _ in 0..24 {
        events.publish(&sold("door")).await;
    }
    events.publish(&sold("good")).await;
    let published = Instant::now();
    until_count(&service.database, SEATS, 1).await;
    let took = published.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    let consumer = &service.status().await["consumer"];
    assert_eq!(consumer["state"], "consuming", "{consumer}");
    stranger.close().await.unwrap();
    until_count(&service.database, SEATS, 25).await;
    assert_eq!(count(&service.database, DEAD).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_locked_row_let_the_others_pass() {
    let env = env().await;
    let (service, _) = open(&env).await;
    assert_others_pass(&env, &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_locked_row_let_the_others_pass_on_every_instance() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let _second = env.start("seat-service", &MIGRATOR, config("two"), assemble).await;
    assert_others_pass(&env, &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_many_handlers_share_is_rarely_too_busy() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let second = env.start("seat-service", &MIGRATOR, config("two"), assemble).await;
    let events = env.events().await;
    for _ in 0..300 {
        events.publish(&sold("door")).await;
    }
    until_count(&service.database, SEATS, 300).await;
    assert_eq!(count(&service.database, DEAD).await, 0);
    for instance in [&service, &second] {
        let consumer = &instance.status().await["consumer"];
        assert!(consumer["retried"].as_u64() < Some(30), "{consumer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_no_outage() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let events = env.events().await;
    events.publish(&sold("slow")).await;
    eventually("several retries", || async {
        let consumer = service.status().await["consumer"].clone();
        assert_eq!(consumer["state"], "consuming", "{consumer}");
        (consumer["retried"].as_u64()? > 4).then_some(())
    })
    .await;
    events.publish(&sold("good")).await;
    until_count(&service.database, SEATS, 1).await;
    config.failing.store(false, Ordering::SeqCst);
    until_count(&service.database, SEATS, 2).await;
    assert_eq!(count(&service.database, DEAD).await, 0);
}

/// The time limit alone does not tell a busy row from a database that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_is_an_outage_if_the_database_answers_nobody_else() {
    let mut env = env().await;
    let direct = env.database_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.database_url = through;
    let (service, config) = open(&env).await;
    let events = env.events().await;
    events.publish(&sold("good")).await;
    until_count(&service.database, SEATS, 1).await;
    link.set(LinkFault::SlowConnect(Duration::from_mins(1)));
    events.publish(&sold("slow")).await;
    until_state(&service, "paused").await;
    config.failing.store(false, Ordering::SeqCst);
    link.set(LinkFault::None);
    until_count(&service.database, SEATS, 2).await;
    env.database_url = direct;
}

/// Publishes an event of the locked row to the queue, as if it had met the lock for as long as this.
#[expect(clippy::disallowed_methods, reason = "the test acts as the service's retries do")]
async fn publish_busy_for(env: &TestEnv, seconds: i64) {
    let connection = Broker::connect(&env.rabbitmq_url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let mut headers = FieldTable::default();
    let since_s = clock::now().timestamp() - seconds;
    headers.insert("x-busy-since".into(), AMQPValue::LongLongInt(since_s));
    let properties = BasicProperties::default().with_delivery_mode(2).with_headers(headers);
    let (body, options) = (
        serde_json::to_vec(&sold("door")).unwrap(),
        BasicPublishOptions::default(),
    );
    let sent = channel.basic_publish("".into(), "seats-queue".into(), options, &body, properties);
    sent.await.unwrap();
    connection.close(200, "bye".into()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stays_locked_makes_a_dead_letter_after_an_hour_if_others_succeed() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let _stranger = lock_the_door(&env).await;
    publish_busy_for(&env, 3_700).await;
    eventually("retries while nothing has succeeded", || async {
        (service.status().await["consumer"]["retried"].as_u64()? > 1).then_some(())
    })
    .await;
    assert_eq!(count(&service.database, DEAD).await, 0);
    env.events().await.publish(&sold("good")).await;
    until_count(
        &service.database,
        "select count(*) from dead_letters where reason like 'busy for 61 minutes%'",
        1,
    )
    .await;
}
