//! Redis away: cut off, or hanging. Both must cost milliseconds, and change as little as can be.

use crate::fixture::{Options, RedisUser, Replica, TestGateway, TestUser, eventually, problem, redis_url};
use fault_proxy::{Link, LinkFault};
use futures_util::future::join_all;
use gateway::config::Limits;
use std::time::{Duration, Instant};

/// A bucket of five tokens, of which one comes back in a second.
fn few_tokens() -> Limits {
    Limits {
        rate_per_s: 1,
        rate_burst: 5,
        ..Options::default().limits
    }
}

/// A gateway, and its link to Redis.
async fn linked_gateway(limits: Limits) -> (TestGateway, Link) {
    let (link, redis_url) = Link::in_front_of(&redis_url()).await.unwrap();
    let options = Options {
        limits,
        redis_url,
        ..Options::default()
    };
    (TestGateway::with(options).await, link)
}

/// A session that has been seen passes, one that has not is 503 and not 401, and no answer takes long.
async fn carries_an_outage(gateway: &TestGateway, seen: &TestUser, unseen: &TestUser) {
    for turn in 0..5 {
        let started = Instant::now();
        assert_eq!(gateway.get("/api/orders", &seen.token).await.status(), 200, "{turn}");
        assert!(
            started.elapsed() < Duration::from_millis(500),
            "took {:?}",
            started.elapsed()
        );

        let started = Instant::now();
        let refused = gateway.get("/api/orders", &unseen.token).await;
        assert!(
            started.elapsed() < Duration::from_millis(500),
            "took {:?}",
            started.elapsed()
        );
        assert_eq!(refused.headers()["retry-after"], "2");
        problem(refused, 503).await;
    }
    assert_eq!(
        gateway
            .client
            .get(gateway.url("/api/products"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

async fn is_back(gateway: &TestGateway, user: &TestUser) {
    eventually("the session to be checked again", || async {
        (gateway.get("/api/orders", &user.token).await.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_redis_connections_cost_milliseconds() {
    let (gateway, link) = linked_gateway(Options::default().limits).await;
    let (seen, unseen) = (gateway.user("customer").await, gateway.user("customer").await);
    assert_eq!(gateway.get("/api/orders", &seen.token).await.status(), 200);
    link.set(LinkFault::Cut);
    carries_an_outage(&gateway, &seen, &unseen).await;
    link.set(LinkFault::None);
    is_back(&gateway, &unseen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_redis_costs_milliseconds() {
    let (gateway, link) = linked_gateway(Options::default().limits).await;
    let (seen, unseen) = (gateway.user("customer").await, gateway.user("customer").await);
    assert_eq!(gateway.get("/api/orders", &seen.token).await.status(), 200);
    link.set(LinkFault::HalfOpen);
    carries_an_outage(&gateway, &seen, &unseen).await;
    link.set(LinkFault::None);
    is_back(&gateway, &unseen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limits_hold_without_redis() {
    let (gateway, link) = linked_gateway(few_tokens()).await;
    let user = gateway.user("customer").await;
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
    link.set(LinkFault::Cut);
    let started = Instant::now();
    let burst = join_all((0..40).map(|_| gateway.get("/api/orders", &user.token))).await;
    let (passed, mut refused): (Vec<_>, Vec<_>) = burst.into_iter().partition(|answer| answer.status() == 200);
    let came_back = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    assert!(
        (5..=5 + came_back).contains(&passed.len()),
        "{} in {:?}",
        passed.len(),
        started.elapsed()
    );
    let last = refused.pop().unwrap();
    assert_eq!(last.headers()["retry-after"], "1");
    problem(last, 429).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_holds_without_redis() {
    let (gateway, link) = linked_gateway(Options::default().limits).await;
    let user = gateway.user("customer").await;
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
    link.set(LinkFault::Cut);
    let logout = gateway
        .client
        .post(gateway.url("/api/auth/logout"))
        .bearer_auth(&user.token)
        .send()
        .await
        .unwrap();
    assert_eq!(logout.status(), 204);
    // The session can no longer be checked, so it is not admitted.
    problem(gateway.get("/api/orders", &user.token).await, 503).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_with_a_bucket_is_not_trouble_with_sessions() {
    let gateway = TestGateway::with(Options {
        limits: few_tokens(),
        ..Options::default()
    })
    .await;
    let troubled = gateway.user("customer").await;
    gateway.spoil_bucket(troubled.id).await;
    for _ in 0..5 {
        assert_eq!(gateway.get("/api/orders", &troubled.token).await.status(), 200);
        let unseen = gateway.user("customer").await;
        assert_eq!(gateway.get("/api/orders", &unseen.token).await.status(), 200);
    }
    problem(gateway.get("/api/orders", &troubled.token).await, 429).await;
    gateway.end_session(&troubled.session_id).await;
    problem(gateway.get("/api/orders", &troubled.token).await, 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_with_one_session_is_not_trouble_with_others() {
    let gateway = TestGateway::new().await;
    let troubled = gateway.user("customer").await;
    gateway.spoil_session(&troubled.session_id).await;
    for _ in 0..3 {
        problem(gateway.get("/api/orders", &troubled.token).await, 401).await;
        let unseen = gateway.user("customer").await;
        assert_eq!(gateway.get("/api/orders", &unseen.token).await.status(), 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clock_was_set_back_no_wait_is_longer_than_that_for_an_empty_bucket() {
    let gateway = TestGateway::with(Options {
        limits: few_tokens(),
        ..Options::default()
    })
    .await;
    let user = gateway.user("customer").await;
    gateway.fill_bucket_in_the_future(user.id).await;
    let refused = gateway.get("/api/orders", &user.token).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, 429).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_replica_checks_sessions_and_is_left_for_what_its_address_leads_to() {
    let mut replica = Replica::start().await;
    let before = replica.connections().await;
    let gateway = TestGateway::with(Options {
        limits: few_tokens(),
        redis_url: replica.url(),
        ..Options::default()
    })
    .await;
    let user = gateway.user("customer").await;
    let is_seen = || async {
        let answer = gateway.get("/api/orders", &user.token).await;
        (answer.status() != 401).then_some(answer.status().as_u16())
    };
    eventually("the session to reach the replica", is_seen).await;
    let burst = join_all((0..20).map(|_| gateway.get("/api/orders", &user.token))).await;
    let refused = burst.iter().filter(|answer| answer.status() == 429).count();
    assert!(refused >= 13, "the limit is kept: {refused} of 20 are refused");
    let made = replica.connections().await - before;
    assert!(made >= 2, "the address is connected to anew: {made} connections");
    replica.promote().await;
    eventually("the limit to be shared again", || async {
        gateway.get("/api/orders", &user.token).await;
        let status = gateway.client.get(gateway.operators_url("/internal/status")).send();
        let status: serde_json::Value = status.await.unwrap().json().await.unwrap();
        (status["limiter"]["mode"] == "shared").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_in_platform_toml_suffice() {
    let rights = RedisUser::of_the_platform().await;
    let gateway = TestGateway::with(Options {
        redis_url: rights.url(),
        ..Options::default()
    })
    .await;
    let user = gateway.user("customer").await;
    for path in ["/api/orders", "/api/products"] {
        assert_eq!(gateway.get(path, &user.token).await.status(), 200);
    }
    let status: serde_json::Value = gateway
        .client
        .get(gateway.operators_url("/internal/status"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(status["limiter"]["mode"], "shared", "{status}");
    assert_eq!(status["redis"]["reachable"], true, "{status}");
    rights.end().await;
}
