//! Sessions after the log-in: refresh, reuse, log-out, changes of the user, limits.

use crate::{
    requests::{expect_problem, expect_status, expect_unauthorized, read_json, send_all},
    test_app::{TestApp, TokenResponse, cached_email_changed, cached_session, cached_session_removed, redis},
};
use deadpool_redis::redis::AsyncCommands;
use reqwest::StatusCode;
use serde_json::json;
use user_service::store;

#[tokio::test(flavor = "multi_thread")]
async fn a_used_refresh_token_ends_its_session() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let first = app.log_in(&ada.email).await;
    let second = app.refresh(&first.refresh_token).await;
    let third = app.refresh(&second.refresh_token).await;
    let (before, after) = (
        app.verify(&first.access_token).await,
        app.verify(&third.access_token).await,
    );
    assert_eq!(before.sid, after.sid);
    assert_ne!(before.jti, after.jti);
    assert!(cached_session(after.sid).await.is_some());

    expect_unauthorized(app.refresh_request(&first.refresh_token), "refresh-token-reused").await;
    assert_eq!(
        cached_session(after.sid).await,
        None,
        "the copy is removed before the answer"
    );
    expect_unauthorized(app.refresh_request(&third.refresh_token), "refresh-token-invalid").await;
    assert_eq!(app.session_count(ada.id).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_refreshes_with_one_token_one_succeeds_and_the_session_ends() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    // The first round opens the connections; the later ones are closer races.
    for round in 0..8 {
        let tokens = app.log_in(&ada.email).await;
        let session_id = app.session_id(&tokens).await;
        let race = send_all((0..6).map(|_| app.refresh_request(&tokens.refresh_token))).await;
        let mut won = Vec::new();
        for answer in race {
            if answer.status() == StatusCode::OK {
                won.push(read_json::<TokenResponse>(answer, StatusCode::OK).await);
            } else {
                assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
        cached_session_removed(session_id).await;
        expect_unauthorized(app.refresh_request(&won[0].refresh_token), "refresh-token-invalid").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_expired_refresh_tokens_are_refused_and_end_no_session() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let tokens = app.log_in(&ada.email).await;
    let changed_case = tokens.refresh_token.to_lowercase();
    for token in ["", "no token", &tokens.access_token, &changed_case] {
        expect_unauthorized(app.refresh_request(token), "refresh-token-invalid").await;
    }
    sqlx::query!("update refresh_tokens set expires_at = now()")
        .execute(&app.service.database)
        .await
        .unwrap();
    expect_unauthorized(app.refresh_request(&tokens.refresh_token), "refresh-token-invalid").await;
    assert_eq!(
        app.session_count(ada.id).await,
        1,
        "an expired token is no sign of a theft"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_ends_the_callers_session_and_no_other() {
    let app = TestApp::new().await;
    let (ada, eve) = (
        app.register("ada@example.com").await,
        app.register("eve@example.com").await,
    );
    let (first, other) = (app.log_in(&ada.email).await, app.log_in(&ada.email).await);
    let session_id = app.session_id(&first).await;
    let newest = app.refresh(&first.refresh_token).await;

    for token in [newest.refresh_token.as_str(), "no token"] {
        let request = app.logout_request(&eve.identity, token);
        expect_problem(request, StatusCode::NOT_FOUND, "not-found").await;
    }
    assert!(cached_session(session_id).await.is_some(), "another user cannot end it");

    let log_out = |token: &str| app.logout_request(&ada.identity, token);
    expect_status(log_out(&newest.refresh_token), StatusCode::NO_CONTENT).await;
    assert_eq!(
        cached_session(session_id).await,
        None,
        "the copy is removed before the answer"
    );
    expect_unauthorized(app.refresh_request(&newest.refresh_token), "refresh-token-invalid").await;
    expect_problem(log_out(&newest.refresh_token), StatusCode::NOT_FOUND, "not-found").await;

    let other_id = app.session_id(&other).await;
    assert!(cached_session(other_id).await.is_some(), "the other session goes on");
    // A used token names its session as well.
    app.refresh(&other.refresh_token).await;
    expect_status(log_out(&other.refresh_token), StatusCode::NO_CONTENT).await;
    assert_eq!(
        (cached_session(other_id).await, app.session_count(ada.id).await),
        (None, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_email_address_reaches_every_session() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let (first, second) = (app.log_in(&ada.email).await, app.log_in(&ada.email).await);
    app.update(&ada, json!({"email": "king@example.com"})).await;
    for tokens in [&first, &second] {
        cached_email_changed(app.session_id(tokens).await, "king@example.com").await;
    }
    let refreshed = app.refresh(&first.refresh_token).await;
    assert_eq!(app.verify(&refreshed.access_token).await.email, "king@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_restores_a_session_that_redis_has_lost() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let tokens = app.log_in(&ada.email).await;
    let session_id = app.session_id(&tokens).await;
    let before = cached_session(session_id).await;
    let _: () = redis().await.del(format!("session:{session_id}")).await.unwrap();
    app.refresh(&tokens.refresh_token).await;
    assert_eq!(cached_session(session_id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_session_ends_beyond_twenty() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let oldest = app.log_in(&ada.email).await;
    let mut newest = oldest.clone();
    for _ in 0..20 {
        newest = app.log_in(&ada.email).await;
    }
    assert_eq!(app.session_count(ada.id).await, 20);
    cached_session_removed(app.session_id(&oldest).await).await;
    expect_unauthorized(app.refresh_request(&oldest.refresh_token), "refresh-token-invalid").await;
    app.refresh(&newest.refresh_token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn used_tokens_are_limited_and_expired_sessions_are_deleted() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let mut tokens = app.log_in(&ada.email).await;
    for _ in 0..105 {
        tokens = app.refresh(&tokens.refresh_token).await;
    }
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from refresh_tokens"#);
    assert_eq!(count.fetch_one(&app.service.database).await.unwrap(), 101);

    app.log_in(&ada.email).await;
    let session_id = app.session_id(&tokens).await;
    sqlx::query!(
        "update sessions set expires_at = now() - interval '1 second' where id = $1",
        session_id
    )
    .execute(&app.service.database)
    .await
    .unwrap();
    expect_unauthorized(app.refresh_request("x"), "refresh-token-invalid").await;
    let mut connection = app.service.database.acquire().await.unwrap();
    assert_eq!(
        store::sessions::delete_expired(&mut connection, 1_000).await.unwrap(),
        1
    );
    assert_eq!(app.session_count(ada.id).await, 1);
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from refresh_tokens"#);
    assert_eq!(count.fetch_one(&app.service.database).await.unwrap(), 1);
}
