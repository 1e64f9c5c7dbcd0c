//! Connections to the database when it is busy, slow or silent.

use crate::theatre::{bed, open};
use http::Method;
use shared::{context::Context, database::Database, testing::eventually};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::broadcast,
};

/// A way to the database that a test can make slow or silent.
struct Way {
    database_url: String,
    opens_after_ms: Arc<AtomicU64>,
    hush: broadcast::Sender<()>,
}

impl Way {
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    async fn to(database_url: &str) -> Self {
        let (credentials, place) = database_url.rsplit_once('@').unwrap();
        let (address, name) = place.split_once('/').unwrap();
        let target: SocketAddr = address.replace("localhost", "127.0.0.1").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Self {
            database_url: format!("{credentials}@{}/{name}", listener.local_addr().unwrap()),
            opens_after_ms: Arc::default(),
            hush: broadcast::Sender::new(1),
        };
        let (opens_after_ms, hush) = (Arc::clone(&way.opens_after_ms), way.hush.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wait = Duration::from_millis(opens_after_ms.load(Ordering::SeqCst));
                tokio::spawn(carry(client, target, wait, hush.subscribe()));
            }
        });
        way
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, wait: Duration, mut hushed: broadcast::Receiver<()>) {
    tokio::time::sleep(wait).await;
    let mut server = TcpStream::connect(target).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // Both ends stay open and hear nothing more.
        _ = hushed.recv() => std::future::pending().await,
    }
}

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
    way.opens_after_ms.store(4_000, Ordering::SeqCst);
    let database = Database::new(&way.database_url, "seat-service", 1).unwrap();
    let error = database.acquire().await.unwrap_err();
    assert!(matches!(error, sqlx::Error::PoolTimedOut), "{error}");
    eventually("the connection under way to serve", || async {
        database.acquire().await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_keeps_no_place_in_the_pool() {
    let bed = bed().await;
    let way = Way::to(&bed.settings().database_url).await;
    let database = Database::new(&way.database_url, "seat-service", 2).unwrap();
    let lease = database.acquire().await.unwrap();
    let tx = database.begin(&Context::new()).await.unwrap();
    way.hush.send(()).unwrap();
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
