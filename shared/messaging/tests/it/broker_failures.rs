//! The broker closes connections and loses queues; the service comes back by itself.

use crate::fixture::{TicketSold, TicketTorn, config, count, emit, env, open, sold, until_count};
use fault_proxy::{Link, LinkFault};
use kernel::id;
use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use rabbitmq::Topology;
use reqwest::{Client, Method};
use serde_json::Value;
use sqlx::PgPool;
use std::time::Duration;
use testkit::{TestEnv, eventually, variable};

/// Closes every connection into the test's virtual host, as an operator would in the management UI.
#[expect(
    clippy::disallowed_methods,
    reason = "the test acts as an operator, not as a service"
)]
async fn close_connections(env: &TestEnv) -> usize {
    let (_, vhost) = env.rabbitmq_url.rsplit_once('/').unwrap();
    let management = variable("TEST_RABBITMQ_MANAGEMENT_URL");
    let client = Client::builder().no_proxy().build().unwrap();
    let list = format!("{management}/api/vhosts/{vhost}/connections");
    // The management API learns of a connection some seconds after it was made.
    let names = eventually("connections to be listed", || async {
        let connections: Vec<Value> = client.get(&list).send().await.ok()?.json().await.ok()?;
        let names: Vec<String> = connections
            .iter()
            .filter_map(|connection| connection["name"].as_str().map(str::to_owned))
            .collect();
        (!names.is_empty()).then_some(names)
    })
    .await;
    for name in &names {
        let mut url: reqwest::Url = format!("{management}/api/connections").parse().unwrap();
        url.path_segments_mut().unwrap().push(name);
        client.request(Method::DELETE, url).send().await.unwrap();
    }
    names.len()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test acts as an operator, not as a service"
)]
pub(crate) async fn delete_queue(env: &TestEnv) {
    let connection = Connection::connect(&env.rabbitmq_url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .queue_delete("seats-queue".into(), QueueDeleteOptions::default())
        .await
        .unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test acts as an operator, not as a service"
)]
async fn delete_exchange(env: &TestEnv, exchange: &str) {
    let connection = Connection::connect(&env.rabbitmq_url, ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .exchange_delete(exchange.into(), ExchangeDeleteOptions::default())
        .await
        .unwrap();
}

pub(crate) async fn restore_queue(env: &TestEnv) {
    let topology = Topology::parse(crate::fixture::TOPOLOGY).unwrap();
    env.broker.apply(&topology, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_closed_under_load_lose_nothing_and_repeat_nothing() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let database = config.database();
    let mut tickets = 0;
    let mut closed = 0;
    while closed < 4 {
        for _ in 0..100 {
            let ticket = id::new();
            emit(&database, &TicketSold { ticket, mood: "good" }).await;
            tickets += 1;
        }
        closed += close_connections(&env).await;
    }
    eventually("every seat to be taken", || async {
        (count(&service.database, "select count(*) from seats").await == tickets).then_some(())
    })
    .await;
    assert_eq!(
        count(&service.database, "select count(distinct event_id) from seats").await,
        tickets
    );
    assert_eq!(count(&service.database, "select count(*) from dead_letters").await, 0);
    until_count(&service.database, "select count(*) from outbox", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_whose_queue_is_deleted_comes_back_with_the_queue() {
    let env = env().await;
    let (service, _) = open(&env).await;
    delete_queue(&env).await;
    eventually("the consumer to notice", || async {
        (service.status().await["consumer"]["state"] == "disconnected").then_some(())
    })
    .await;
    restore_queue(&env).await;
    env.events().await.publish(&sold("good")).await;
    until_count(&service.database, "select count(*) from seats", 1).await;
}

/// What can be done without the broker is done: requests are answered, and their events wait in the outbox.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_without_its_queue_is_ready_and_consumes_once_there_is_one() {
    let env = env().await;
    delete_queue(&env).await;
    let (migrator, config) = (&crate::fixture::MIGRATOR, config("one"));
    let starting = env.start_unsubscribed("seat-service", migrator, config, crate::fixture::assemble);
    let service = starting.await;
    let status = service.status().await;
    assert_eq!(
        (&status["ready"], &status["consumer"]["state"]),
        (&true.into(), &"disconnected".into())
    );
    restore_queue(&env).await;
    env.events().await.publish(&sold("good")).await;
    until_count(&service.database, "select count(*) from seats", 1).await;
}

/// A connection that is being closed waits for the broker's close-ok, without a limit of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_keeps_no_connection() {
    let mut env = env().await;
    let direct = env.rabbitmq_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.rabbitmq_url = through;
    let (service, config) = open(&env).await;
    emit(&config.database(), &TicketTorn(id::new())).await;
    until_count(&service.database, "select count(*) from outbox", 0).await;
    assert_eq!(link.silence_open(), 2);
    eventually("both connections to be dropped", || async {
        (link.silent_connections() == 0).then_some(())
    })
    .await;
    emit(&config.database(), &TicketTorn(id::new())).await;
    until_count(&service.database, "select count(*) from outbox", 0).await;
    env.rabbitmq_url = direct;
}

/// Puts a row for an exchange into the outbox, as a replay of a dead letter does.
async fn replay_by(exchange: &str, pool: &PgPool) {
    sqlx::query(
        "insert into outbox (event_id, exchange, routing_key, event_type, body, correlation_id)
         values (gen_random_uuid(), $1, 'replay', 'ticket.torn', '{}', 'none')",
    )
    .bind(exchange)
    .execute(pool)
    .await
    .unwrap();
}

/// The relay opens two channels at once, one for the rows and one to try a route, by an answer of the broker that takes long.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_closed_while_another_is_opened_does_not_stop_the_relay() {
    const WAITING: &str = "select count(*) from outbox";
    let mut env = env().await;
    let direct = env.rabbitmq_url.clone();
    let (link, through) = Link::in_front_of(&direct).await.unwrap();
    env.rabbitmq_url = through;
    let (service, config) = open(&env).await;
    let notify = || config.database().signals().notify("outbox");
    replay_by("seats-queue.retry", &service.database).await;
    notify();
    until_count(&service.database, WAITING, 0).await;
    env.rabbitmq_url = direct;
    delete_exchange(&env, "seats-queue.retry").await;
    // The trial of a row without an exchange costs its channel.
    replay_by("gone.retry", &service.database).await;
    notify();
    until_count(&service.database, "select count(*) from outbox where refusals > 0", 1).await;
    // The broker took the route of the first row before, and closes the channel now; the second row's route is tried meanwhile.
    link.set(LinkFault::Latency(Duration::from_millis(300)));
    replay_by("seats-queue.retry", &service.database).await;
    emit(&config.database(), &TicketTorn(id::new())).await;
    until_count(&service.database, "select count(*) from published", 1).await;
    link.set(LinkFault::None);
    restore_queue(&env).await;
    until_count(&service.database, WAITING, 1).await;
}
