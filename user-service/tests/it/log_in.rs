//! Logging in: the tokens, and what the answers reveal.

use crate::{
    requests::{expect_status, expect_unauthorized, read_json, send, send_all},
    test_app::{PASSWORD, TestApp, TokenResponse, cached_session, redis},
};
use deadpool_redis::redis::AsyncCommands;
use kernel::clock;
use reqwest::StatusCode;
use serde_json::json;
use std::time::{Duration, Instant};
use user_service::domain::Role;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_creates_a_session_with_the_claims_that_the_gateway_reads() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let answer = send(app.login_request(" ADA@example.com", PASSWORD)).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let tokens: TokenResponse = read_json(answer, StatusCode::OK).await;
    assert_eq!((tokens.token_type.as_str(), tokens.expires_in_s), ("Bearer", 900));
    assert_eq!(tokens.user["id"], json!(ada.id));

    let claims = app.verify(&tokens.access_token).await;
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), ("user-service", "platform"));
    assert_eq!(
        (claims.sub, claims.email.as_str(), claims.role),
        (ada.id, "ada@example.com", Role::Customer)
    );
    assert_eq!((claims.exp - claims.iat, claims.nbf), (900, claims.iat));
    let now_s = u64::try_from(clock::now().timestamp()).unwrap();
    assert!(now_s.abs_diff(claims.iat) < 30, "issued now");

    let cached = cached_session(claims.sid).await.unwrap();
    assert_eq!(
        cached,
        json!({"userId": ada.id, "role": "customer", "email": "ada@example.com"})
    );
    let ttl_s: i64 = redis().await.ttl(format!("session:{}", claims.sid)).await.unwrap();
    assert!((2_592_000 - 60..=2_592_000).contains(&ttl_s), "{ttl_s}");

    let second = app.verify(&app.log_in(&ada.email).await.access_token).await;
    assert_ne!((second.sid, second.jti), (claims.sid, claims.jti));
    let stored = sqlx::query_scalar!("select hash from refresh_tokens")
        .fetch_all(&app.service.database)
        .await
        .unwrap();
    assert!(
        stored
            .iter()
            .all(|hash| hash.len() == 32 && hash.as_slice() != tokens.refresh_token.as_bytes())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_answer_nor_time_of_a_failed_log_in_reveals_registered_users() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let wrong = expect_unauthorized(app.login_request(&ada.email, "wrong password"), "credentials-wrong").await;
    let long = "x".repeat(10_000);
    for (email, password) in [
        ("eve@example.com", PASSWORD),
        ("", ""),
        ("ada", PASSWORD),
        (&ada.email, "wrong"),
        (&ada.email, &long),
    ] {
        let unknown = expect_unauthorized(app.login_request(email, password), "credentials-wrong").await;
        assert_eq!(unknown, wrong, "{email}");
    }
    assert_eq!(app.session_count(ada.id).await, 0);

    // Without the decoy hash an unknown address would be answered in a fraction of the time.
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        wrong.push(time_of_failed_log_in(&app, &ada.email).await);
        unknown.push(time_of_failed_log_in(&app, "eve@example.com").await);
    }
    wrong.sort_unstable();
    unknown.sort_unstable();
    assert!(
        unknown[4] > wrong[4] / 2,
        "unknown {:?}, wrong {:?}",
        unknown[4],
        wrong[4]
    );
}

async fn time_of_failed_log_in(app: &TestApp, email: &str) -> Duration {
    let started = Instant::now();
    expect_status(app.login_request(email, "wrong password"), StatusCode::UNAUTHORIZED).await;
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_log_ins_is_served_or_refused_and_then_over() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    for answer in send_all((0..60).map(|_| app.login_request(&ada.email, "wrong password"))).await {
        let status = answer.status();
        // 503 without a permit in time; never a hang, never a 500.
        assert!(
            [StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE].contains(&status),
            "{status}"
        );
    }
    app.log_in(&ada.email).await;
}
