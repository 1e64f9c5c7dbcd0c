//! Connections to the database when it is busy, slow or silent.

use crate::{
    theatre::{bed, open},
    way::Way,
};
use futures_util::future::join_all;
use http::Method;
use shared::{context::Context, database::Database, testing::eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_connections_are_all_at_work_is_ready() {
    let bed = bed().await;
    let (service, config) = open(&bed).await;
    let mut at_work = Vec::new();
    for _ in 0..bed.settings().database_connections_max {
        at_work.push(config.database().begin(&Context::new()).await.unwrap());
    }
    let answer = service.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// On a machine so busy that a connection takes longer than anybody waits, there would otherwise never be one.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_waits_for_any_more_serves_the_next() {
    let bed = bed().await;
    let way = Way::to(&bed.settings().database_url).await;
    way.open_after_ms(4_000);
    let database = Database::new(&way.url, "seat-service", 1).unwrap();
    let error = database.acquire().await.unwrap_err();
    assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
    eventually("the connection under way to serve", || async {
        database.acquire().await.ok()
    })
    .await;
}

/// A service in need would otherwise lend its connections to those who have left, before those who still wait.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_waiting_leaves_the_queue() {
    let bed = bed().await;
    let way = Way::to(&bed.settings().database_url).await;
    let database = Database::new(&way.url, "seat-service", 1).unwrap();
    let lease = database.acquire().await.unwrap();
    for waited in join_all((0..20).map(|_| database.acquire())).await {
        assert!(matches!(waited, Err(sqlx::Error::PoolTimedOut)), "{waited:?}");
    }
    // Lending it to twenty who are gone would take six seconds, twice as long as anybody waits.
    way.answer_after_ms(300);
    drop(lease);
    database.acquire().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_keeps_no_place_in_the_pool() {
    let bed = bed().await;
    let way = Way::to(&bed.settings().database_url).await;
    let database = Database::new(&way.url, "seat-service", 2).unwrap();
    let lease = database.acquire().await.unwrap();
    let tx = database.begin(&Context::new()).await.unwrap();
    way.fall_silent();
    drop((lease, tx));
    eventually("both places to be free", || async {
        let both = (
            database.acquire().await.ok()?,
            database.begin(&Context::new()).await.ok()?,
        );
        Some(both)
    })
    .await;
}

/// What a failed transaction leaves behind must not be the next one's.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_is_rolled_back_before_its_connection_serves_the_next() {
    let bed = bed().await;
    let (service, _) = open(&bed).await;
    let database = Database::new(&bed.settings().database_url, "seat-service", 1).unwrap();
    for _ in 0..20 {
        let mut tx = database.begin(&Context::new()).await.unwrap();
        sqlx::query("create table half_done ()")
            .execute(&mut *tx)
            .await
            .unwrap();
        drop(tx);
        let mut lease = database.acquire().await.unwrap();
        let seen: Option<String> = sqlx::query_scalar("select to_regclass('half_done')::text")
            .fetch_one(&mut *lease)
            .await
            .unwrap();
        assert_eq!(seen, None);
    }
    drop(service);
}
