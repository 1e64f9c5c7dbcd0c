//! Processes are killed, the broker and the database go away: every order still ends, and no effect is lost or doubled.

use crate::fixture::{Fixture, eventually, expect_ok, settled};
use platform_client::{
    answer::Answer,
    catalogue::HOUSE_BLEND,
    description::{consumers, services},
    poll::poll,
};
use serde_json::Value;
use std::time::Duration;
use tokio::net::TcpStream;

/// Outage of the database: longer than every retry delay but the last, so that a consumed attempt would show.
const DATABASE_OUTAGE: Duration = Duration::from_mins(1);

/// Much longer than the minute between two looks of the broker for epmd (`rabbit_epmd_monitor`).
const EPMD_OUTAGE: Duration = Duration::from_secs(90);

/// Every process that `make up` supervises for the platform itself.
fn programs() -> Vec<&'static str> {
    let services = services().iter().map(|service| service.name.as_str());
    ["gateway"].into_iter().chain(services).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_is_killed_once_while_orders_flow() {
    let fixture = Fixture::open().await;
    let mut orders = Vec::new();
    let mut processes = programs();
    processes.extend([
        "sandbox-provider",
        "mail-catcher",
        "topology-watch",
        "redis",
        "epmd",
        "rabbitmq",
        "postgres",
    ]);
    for process in &processes {
        let (placed, ()) = tokio::join!(fixture.orders(2, 5), fixture.kill(process));
        orders.extend(placed);
    }
    fixture.until_ready().await;
    let ended = fixture.all_settle(&orders).await;
    assert_eq!(ended.values().sum::<usize>(), 2 * 5 * processes.len(), "{ended:?}");
    assert!(
        ended.get("confirmed") > Some(&0) && ended.get("failed") > Some(&0),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_restarts_while_orders_flow_and_no_service_does() {
    let fixture = Fixture::open().await;
    let mut pids = Vec::new();
    for program in programs() {
        pids.push((program, fixture.pid(program).await));
    }
    let restart = async {
        fixture.stop("rabbitmq").await;
        fixture.start("rabbitmq").await;
    };
    let (orders, ()) = tokio::join!(fixture.orders(3, 10), restart);
    fixture.all_settle(&orders).await;
    for (program, pid) in pids {
        assert_eq!(fixture.pid(program).await, pid, "{program} was restarted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_outage_of_a_minute_consumes_no_attempt_and_makes_no_dead_letter() {
    let fixture = Fixture::open().await;
    let before = (dead_letters(&fixture).await, retried(&fixture).await);
    let customer = fixture.customer().await;
    let mut orders = Vec::new();
    for _ in 0..15 {
        let order = expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_ok").await);
        orders.push((customer.clone(), order));
    }
    fixture.stop("postgres").await;
    tokio::time::sleep(DATABASE_OUTAGE).await;
    fixture.start("postgres").await;
    fixture.until_ready().await;
    fixture.all_settle(&orders).await;
    assert_eq!((dead_letters(&fixture).await, retried(&fixture).await), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_starts_no_epmd_outside_supervision() {
    let fixture = Fixture::open().await;
    let address = format!("127.0.0.1:{}", fixture.setting("epmd", "PORT"));
    fixture.until_ready().await;
    let broker = fixture.pid("rabbitmq").await;
    fixture.stop("epmd").await;
    let unsupervised = poll(EPMD_OUTAGE, Duration::from_secs(1), async || {
        TcpStream::connect(&address).await.ok()
    });
    let unsupervised = unsupervised.await;
    fixture.start("epmd").await;
    assert!(
        unsupervised.is_none(),
        "an epmd that nothing supervises holds {address}"
    );
    assert_eq!(fixture.pid("rabbitmq").await, broker, "the broker was not up to look");
    eventually("epmd to listen", async || TcpStream::connect(&address).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_of_every_service_share_the_work() {
    let fixture = Fixture::open().await;
    let seconds: Vec<_> = services()
        .iter()
        .zip(24_101..)
        .map(|(service, port)| (service, fixture.second_instance(&service.name, port)))
        .collect();
    for (_, second) in &seconds {
        fixture.until_answers(&second.url, "/readyz").await;
    }
    let orders = fixture.orders(4, 10).await;
    fixture.all_settle(&orders).await;
    for (service, second) in seconds.iter().filter(|(service, _)| service.queue.is_some()) {
        let platform = &fixture.platform;
        let request = platform.request_to(&second.url, reqwest::Method::GET, "/internal/status");
        let status = Answer::of(request).await.expect("it is up").value();
        assert!(
            status["consumer"]["handled"].as_u64() > Some(0),
            "the second {} did nothing: {status}",
            service.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_with_a_session_can_order_while_redis_is_down() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_ok").await);
    fixture.stop("redis").await;
    let order = expect_ok(customer.place_order(HOUSE_BLEND, 1, "pm_ok").await);
    fixture.start("redis").await;
    settled(&customer, order.id).await;
    fixture.everything_agrees().await;
}

/// Dead letters of all services, waiting and resolved.
async fn dead_letters(fixture: &Fixture) -> i64 {
    let mut sum = 0;
    for service in consumers() {
        let count: i64 = sqlx::query_scalar("select count(*) from dead_letters")
            .fetch_one(&fixture.database(&service.database_variable()))
            .await
            .expect("a count");
        sum += count;
    }
    sum
}

/// Attempts that consumers have used up since they started.
async fn retried(fixture: &Fixture) -> u64 {
    let mut sum = 0;
    for service in consumers() {
        let status: Value = eventually(&service.name, async || fixture.platform.status(service).await.ok()).await;
        sum += status["consumer"]["retried"].as_u64().expect("a status counts retries");
    }
    sum
}
