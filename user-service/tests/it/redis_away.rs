//! Redis away: quick refusals, nothing half done, and what was decided meanwhile follows when it is back.

use crate::support::{PASSWORD, World, copy_of, expect_problem};
use deadpool_redis::redis::IntoConnectionInfo;
use reqwest::StatusCode;
use serde_json::json;
use shared::testing::{eventually, variable};
use std::time::{Duration, Instant};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

const AWAY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
/// 200 ms for Redis, and much for a busy machine; without limits it would be the client's patience.
const QUICK: Duration = Duration::from_secs(2);

/// How the way to Redis is.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Open,
    /// Connections are cut at once.
    Cut,
    /// Connections are taken and nothing comes back.
    Silent,
}

/// A way to the real Redis that can be closed.
struct Gate {
    url: String,
    way: watch::Sender<Way>,
    _keeper: JoinSet<()>,
}

impl Gate {
    async fn new() -> Self {
        let redis = variable("TEST_REDIS_URL");
        let target = redis.as_str().into_connection_info().unwrap().addr().to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = redis.replace(&target, &listener.local_addr().unwrap().to_string());
        assert_ne!(url, redis);
        let way = watch::Sender::new(Way::Open);
        let state = way.subscribe();
        let mut keeper = JoinSet::new();
        keeper.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                passing.spawn(pass(client, target.clone(), state.clone()));
            }
        });
        Self {
            url,
            way,
            _keeper: keeper,
        }
    }
}

async fn pass(mut client: TcpStream, target: String, mut way: watch::Receiver<Way>) {
    let now = *way.borrow_and_update();
    if now == Way::Open {
        let mut server = TcpStream::connect(target).await.unwrap();
        tokio::select! {
            // Either side may hang up as it likes.
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = way.changed() => {}
        }
    }
    let now = *way.borrow_and_update();
    if now == Way::Silent {
        way.wait_for(|way| *way != Way::Silent).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_fails_quickly_and_leaves_nothing() {
    let gate = Gate::new().await;
    let world = World::with(&[("REDIS_URL", &gate.url)]).await;
    let ada = world.register("ada@example.com").await;
    for way in [Way::Cut, Way::Silent, Way::Open, Way::Silent, Way::Cut] {
        gate.way.send_replace(way);
        if way == Way::Open {
            eventually("log-ins to work again", || async {
                let answer = world.try_login(&ada.email, PASSWORD).send().await.unwrap();
                (answer.status() == StatusCode::OK).then_some(())
            })
            .await;
            sqlx::query!("delete from sessions")
                .execute(&world.service.database)
                .await
                .unwrap();
            continue;
        }
        let started = Instant::now();
        expect_problem(world.try_login(&ada.email, PASSWORD), AWAY, "unavailable").await;
        assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
        expect_problem(
            world.try_login(&ada.email, "wrong password"),
            StatusCode::UNAUTHORIZED,
            "credentials-wrong",
        )
        .await;
        assert_eq!(world.sessions_of(ada.id).await, 0);
        let left = sqlx::query_scalar!(
            r#"select (select count(*) from refresh_tokens) + (select count(*) from intents) as "count!""#
        );
        assert_eq!(left.fetch_one(&world.service.database).await.unwrap(), 0);
    }
    // What needs no session goes on.
    world.register("eve@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_survives() {
    let gate = Gate::new().await;
    let world = World::with(&[("REDIS_URL", &gate.url)]).await;
    let ada = world.register("ada@example.com").await;
    let grant = world.login(&ada.email).await;
    for way in [Way::Silent, Way::Cut] {
        gate.way.send_replace(way);
        let started = Instant::now();
        expect_problem(world.try_refresh(&grant.refresh_token), AWAY, "unavailable").await;
        assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
    }
    gate.way.send_replace(Way::Open);
    world.refresh(&grant.refresh_token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_meanwhile_follows() {
    let gate = Gate::new().await;
    let world = World::with(&[("REDIS_URL", &gate.url)]).await;
    let ada = world.register("ada@example.com").await;
    let (ended, kept) = (world.login(&ada.email).await, world.login(&ada.email).await);
    let (ended_sid, kept_sid) = (
        world.verify(&ended.access_token).await.sid,
        world.verify(&kept.access_token).await.sid,
    );

    gate.way.send_replace(Way::Cut);
    let answer = world.logout(&ada.identity, &ended.refresh_token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let change = json!({"email": "king@example.com"});
    assert_eq!(
        world.patch(&ada.identity, &change).send().await.unwrap().status(),
        StatusCode::OK
    );
    expect_problem(
        world.try_refresh(&ended.refresh_token),
        StatusCode::UNAUTHORIZED,
        "refresh-token-invalid",
    )
    .await;
    assert!(copy_of(ended_sid).await.is_some(), "Redis could not be told");

    gate.way.send_replace(Way::Open);
    eventually("the ended session to be gone from Redis", || async {
        copy_of(ended_sid).await.is_none().then_some(())
    })
    .await;
    eventually("the new address in Redis", || async {
        (copy_of(kept_sid).await?["email"] == "king@example.com").then_some(())
    })
    .await;
}
