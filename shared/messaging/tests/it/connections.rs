//! Connections to the database when it is busy, slow or silent.

use crate::fixture::{env, open};
use database::Database;
use fault_proxy::{Link, LinkFault};
use futures_util::future::join_all;
use http::Method;
use kernel::context::Context;
use messaging::Tx;
use std::time::Duration;
use testkit::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_connections_are_all_busy_is_ready() {
    let env = env().await;
    let (service, config) = open(&env).await;
    let mut busy = Vec::new();
    for _ in 0..env.settings().database_connections_max {
        busy.push(Tx::begin(&config.database(), &Context::new()).await.unwrap());
    }
    let answer = service.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// On a machine so busy that connecting takes longer than any caller waits, there would otherwise never be a connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_caller_timed_out_serves_the_next() {
    let env = env().await;
    let (link, url) = Link::in_front_of(&env.settings().database_url).await.unwrap();
    link.set(LinkFault::SlowConnect(Duration::from_secs(4)));
    let database = Database::new(&url, "seat-service", 1).unwrap();
    let error = database.acquire().await.unwrap_err();
    assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
    eventually("the connection under way to serve", || async {
        database.acquire().await.ok()
    })
    .await;
}

/// An overloaded service would otherwise hand connections to callers that are gone, ahead of those still waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_times_out_leaves_the_permit_queue() {
    let env = env().await;
    let (link, url) = Link::in_front_of(&env.settings().database_url).await.unwrap();
    let database = Database::new(&url, "seat-service", 1).unwrap();
    let connection = database.acquire().await.unwrap();
    for waited in join_all((0..20).map(|_| database.acquire())).await {
        assert!(matches!(waited, Err(sqlx::Error::PoolTimedOut)), "{waited:?}");
    }
    // Handing it to twenty callers that are gone would take six seconds, twice as long as a caller waits.
    link.set(LinkFault::SlowAnswers(Duration::from_millis(300)));
    drop(connection);
    database.acquire().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_keeps_no_permit_of_the_pool() {
    let env = env().await;
    let (link, url) = Link::in_front_of(&env.settings().database_url).await.unwrap();
    let database = Database::new(&url, "seat-service", 2).unwrap();
    let connection = database.acquire().await.unwrap();
    let tx = Tx::begin(&database, &Context::new()).await.unwrap();
    assert_eq!(link.silence_open(), 2);
    drop((connection, tx));
    eventually("both permits to be free", || async {
        let both = (
            database.acquire().await.ok()?,
            Tx::begin(&database, &Context::new()).await.ok()?,
        );
        Some(both)
    })
    .await;
}

/// The remains of a failed transaction must not be the next one's.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_is_rolled_back_before_its_connection_serves_the_next() {
    let env = env().await;
    let (service, _) = open(&env).await;
    let database = Database::new(&env.settings().database_url, "seat-service", 1).unwrap();
    for _ in 0..20 {
        let mut tx = Tx::begin(&database, &Context::new()).await.unwrap();
        sqlx::query("create table half_done ()")
            .execute(&mut *tx)
            .await
            .unwrap();
        drop(tx);
        let mut connection = database.acquire().await.unwrap();
        let seen: Option<String> = sqlx::query_scalar("select to_regclass('half_done')::text")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        assert_eq!(seen, None);
    }
    drop(service);
}
