//! Redis unavailable: requests fail quickly and without an effect, and what was committed meanwhile is synchronized later.

use crate::{
    requests::{expect_problem, expect_status, expect_unauthorized, send},
    test_app::{PASSWORD, TestApp, cached_email_changed, cached_session, cached_session_removed},
};
use fault_proxy::{Link, LinkFault};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::{eventually, variable};

/// 200 ms for Redis, and the rest for a busy machine; without limits it would be the client's timeout.
const QUICK: Duration = Duration::from_secs(2);

/// user-service, and its link to Redis.
async fn linked_app() -> (TestApp, Link) {
    let (link, redis_url) = Link::in_front_of(&variable("TEST_REDIS_URL")).await.unwrap();
    (TestApp::with_redis(&redis_url).await, link)
}

async fn expect_quick_503(request: RequestBuilder) {
    let started = Instant::now();
    expect_problem(request, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_fails_quickly_and_without_an_effect() {
    let (app, link) = linked_app().await;
    let ada = app.register("ada@example.com").await;
    for fault in [
        LinkFault::Cut,
        LinkFault::HalfOpen,
        LinkFault::None,
        LinkFault::HalfOpen,
        LinkFault::Cut,
    ] {
        link.set(fault);
        if fault == LinkFault::None {
            eventually("log-ins to work again", || async {
                let answer = send(app.login_request(&ada.email, PASSWORD)).await;
                (answer.status() == StatusCode::OK).then_some(())
            })
            .await;
            sqlx::query!("delete from sessions")
                .execute(&app.service.database)
                .await
                .unwrap();
            continue;
        }
        expect_quick_503(app.login_request(&ada.email, PASSWORD)).await;
        expect_unauthorized(app.login_request(&ada.email, "wrong password"), "credentials-wrong").await;
        assert_eq!(app.session_count(ada.id).await, 0);
        let left = sqlx::query_scalar!(
            r#"select (select count(*) from refresh_tokens) + (select count(*) from intents) as "count!""#
        );
        assert_eq!(left.fetch_one(&app.service.database).await.unwrap(), 0);
    }
    // Requests that need no session still succeed.
    app.register("eve@example.com").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_can_be_used_after_the_outage() {
    let (app, link) = linked_app().await;
    let ada = app.register("ada@example.com").await;
    let tokens = app.log_in(&ada.email).await;
    for fault in [LinkFault::HalfOpen, LinkFault::Cut] {
        link.set(fault);
        expect_quick_503(app.refresh_request(&tokens.refresh_token)).await;
    }
    link.set(LinkFault::None);
    app.refresh(&tokens.refresh_token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_during_the_outage_reach_redis_after_it() {
    let (app, link) = linked_app().await;
    let ada = app.register("ada@example.com").await;
    let (ended, kept) = (app.log_in(&ada.email).await, app.log_in(&ada.email).await);
    let (ended_id, kept_id) = (app.session_id(&ended).await, app.session_id(&kept).await);

    link.set(LinkFault::Cut);
    let logout = app.logout_request(&ada.identity, &ended.refresh_token);
    expect_status(logout, StatusCode::NO_CONTENT).await;
    app.update(&ada, json!({"email": "king@example.com"})).await;
    expect_unauthorized(app.refresh_request(&ended.refresh_token), "refresh-token-invalid").await;
    assert!(cached_session(ended_id).await.is_some(), "Redis is unreachable");

    link.set(LinkFault::None);
    cached_session_removed(ended_id).await;
    cached_email_changed(kept_id, "king@example.com").await;
}
