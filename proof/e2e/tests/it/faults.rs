//! Processes are killed, the broker and the database go away: every order still ends, and nothing is lost or doubled.

use crate::stage::{HOUSE_BLEND, PATIENCE, SERVICES, Stage, eventually, must};
use serde_json::Value;
use std::time::Duration;

/// How long the database stays away. Longer than every retry delay but the last, so that burnt attempts would show.
const DATABASE_AWAY: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn each_process_is_killed_once_while_orders_flow() {
    let stage = Stage::open().await;
    let mut orders = Vec::new();
    let others = [
        "sandbox-provider",
        "mail-catcher",
        "topology-watch",
        "redis",
        "epmd",
        "rabbitmq",
        "postgres",
    ];
    for process in SERVICES.iter().chain(&others) {
        let (placed, ()) = tokio::join!(stage.orders(2, 5), stage.kill(process));
        orders.extend(placed);
    }
    stage.until_ready().await;
    let ended = stage.all_settle(&orders).await;
    assert_eq!(ended.values().sum::<usize>(), 2 * 5 * 14, "{ended:?}");
    assert!(
        ended.get("confirmed") > Some(&0) && ended.get("failed") > Some(&0),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_restarts_while_orders_flow_and_no_service_does() {
    let stage = Stage::open().await;
    let mut pids = Vec::new();
    for service in SERVICES {
        pids.push(stage.pid(service).await);
    }
    let restart = async {
        stage.stop("rabbitmq").await;
        stage.start("rabbitmq");
    };
    let (orders, ()) = tokio::join!(stage.orders(3, 10), restart);
    stage.all_settle(&orders).await;
    for (service, pid) in SERVICES.iter().zip(pids) {
        assert_eq!(stage.pid(service).await, pid, "{service} was started again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_away_for_a_minute_burns_no_attempt_and_buries_nothing() {
    let stage = Stage::open().await;
    let before = dead_letters(&stage).await;
    let retried_before = retried(&stage).await;
    let shopper = stage.shopper().await;
    let mut orders = Vec::new();
    for _ in 0..15 {
        orders.push((shopper.clone(), must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await)));
    }
    stage.stop("postgres").await;
    tokio::time::sleep(DATABASE_AWAY).await;
    stage.start("postgres");
    stage.until_ready().await;
    stage.all_settle(&orders).await;
    assert_eq!(dead_letters(&stage).await, before);
    assert_eq!(retried(&stage).await, retried_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_of_every_service_share_the_work() {
    let stage = Stage::open().await;
    let services = &SERVICES[1..];
    let seconds: Vec<_> = services
        .iter()
        .zip(24_101..)
        .map(|(service, port)| stage.second_instance(service, port))
        .collect();
    for second in &seconds {
        stage.until_answers(&second.url, "/readyz").await;
    }
    let orders = stage.orders(4, 10).await;
    stage.all_settle(&orders).await;
    for (service, second) in services
        .iter()
        .zip(&seconds)
        .filter(|(service, _)| **service != "user-service")
    {
        let request = stage
            .platform
            .request_to(&second.url, reqwest::Method::GET, "/internal/status");
        let status: Value = must(e2e::answer::Answer::of("status", request).await).value();
        assert!(
            status["consumer"]["handled"].as_u64() > Some(0),
            "the second {service} did nothing: {status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_away_keeps_those_who_are_known_shopping() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    stage.stop("redis").await;
    let order = must(shopper.order(HOUSE_BLEND, 1, "pm_ok").await);
    stage.start("redis");
    must(shopper.wait_until_settled(order.id, PATIENCE).await);
    stage.everything_agrees().await;
}

/// Dead letters of all services, waiting and resolved.
async fn dead_letters(stage: &Stage) -> i64 {
    let mut sum = 0;
    for database in [
        "ORDER_DATABASE_URL",
        "PRODUCT_DATABASE_URL",
        "PAYMENT_DATABASE_URL",
        "NOTIFICATION_DATABASE_URL",
        "ANALYTICS_DATABASE_URL",
    ] {
        let pool = must(stage.platform.database(database));
        let count: i64 = sqlx::query_scalar("select count(*) from dead_letters")
            .fetch_one(&pool)
            .await
            .expect("a count");
        sum += count;
    }
    sum
}

/// Attempts that consumers have burnt since they started.
async fn retried(stage: &Stage) -> u64 {
    let mut sum = 0;
    for service in [
        "ORDER_SERVICE_URL",
        "PRODUCT_SERVICE_URL",
        "PAYMENT_SERVICE_URL",
        "NOTIFICATION_SERVICE_URL",
        "ANALYTICS_SERVICE_URL",
    ] {
        let status = eventually(service, || async { stage.platform.status(service).await.ok() }).await;
        sum += status["consumer"]["retried"]
            .as_u64()
            .expect("a status tells of retries");
    }
    sum
}
