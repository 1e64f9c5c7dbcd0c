//! The administrator's account, created at the start.

use crate::{
    requests::{expect_status, expect_unauthorized},
    test_app::{PASSWORD, TestApp, cached_session, cached_session_removed, new_env, start},
};
use reqwest::StatusCode;
use testkit::{eventually, variable};
use user_service::domain::Role;

const EMAIL: &str = "admin@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_start_together_create_one_admin() {
    let env = new_env().await;
    let redis = variable("TEST_REDIS_URL");
    let variables = [
        ("REDIS_URL", redis.as_str()),
        ("ADMIN_EMAIL", "Admin@Example.com"),
        ("ADMIN_PASSWORD", PASSWORD),
    ];
    // Migrated beforehand: otherwise the lock on the migrations makes the two take turns.
    start(&env, &variables[..1]).await.stop().await;
    let (service, other) = tokio::join!(start(&env, &variables), start(&env, &variables));
    let app = TestApp { env, service };
    let ids = sqlx::query_scalar!("select id from users")
        .fetch_all(&app.service.database)
        .await
        .unwrap();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.published("user.registered", ids[0]).await, 1);
    let claims = app.verify(&app.log_in(EMAIL).await.access_token).await;
    assert_eq!((claims.sub, claims.role), (ids[0], Role::Admin));
    assert_eq!(cached_session(claims.sid).await.unwrap()["role"], "admin");
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_a_database_that_stalls() {
    let env = new_env().await;
    let redis = variable("TEST_REDIS_URL");
    let variables = [
        ("REDIS_URL", redis.as_str()),
        ("ADMIN_EMAIL", EMAIL),
        ("ADMIN_PASSWORD", PASSWORD),
    ];
    let first = start(&env, &variables[..1]).await;
    let mut stalling = first.database.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(hashtext('user-service: admin'))")
        .execute(&mut *stalling)
        .await
        .unwrap();
    let lock_requested = |expected: bool| {
        let database = first.database.clone();
        eventually("the lock to be requested, or the request to be given up", move || {
            let database = database.clone();
            async move {
                let sql = "select exists(select from pg_locks where locktype = 'advisory' and not granted)";
                let requested: bool = sqlx::query_scalar(sql).fetch_one(&database).await.unwrap();
                (requested == expected).then_some(())
            }
        })
    };
    let stall = async {
        lock_requested(true).await;
        // The lock timeout has ended the first attempt.
        lock_requested(false).await;
        stalling.close().await.unwrap();
    };
    let (second, ()) = tokio::join!(start(&env, &variables), stall);
    let app = TestApp { env, service: second };
    app.log_in(EMAIL).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_takes_effect_at_the_next_start_and_ends_the_sessions() {
    let redis = variable("TEST_REDIS_URL");
    let variables = |password| {
        [
            ("REDIS_URL", redis.as_str()),
            ("ADMIN_EMAIL", EMAIL),
            ("ADMIN_PASSWORD", password),
        ]
    };
    let mut app = TestApp::with_variables(&variables(PASSWORD)).await;
    let tokens = app.log_in(EMAIL).await;
    let session_id = app.session_id(&tokens).await;

    app.service = start(&app.env, &variables(PASSWORD)).await;
    let tokens = app.refresh(&tokens.refresh_token).await;

    app.service = start(&app.env, &variables("another password")).await;
    expect_unauthorized(app.login_request(EMAIL, PASSWORD), "credentials-wrong").await;
    expect_unauthorized(app.refresh_request(&tokens.refresh_token), "refresh-token-invalid").await;
    cached_session_removed(session_id).await;
    expect_status(app.login_request(EMAIL, "another password"), StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_the_admins_address_loses_password_and_sessions() {
    let redis = variable("TEST_REDIS_URL");
    let mut app = TestApp::new().await;
    let customer = app.register(EMAIL).await;
    let tokens = app.log_in(EMAIL).await;
    app.service = start(
        &app.env,
        &[
            ("REDIS_URL", &redis),
            ("ADMIN_EMAIL", EMAIL),
            ("ADMIN_PASSWORD", "the admin's own"),
        ],
    )
    .await;
    expect_unauthorized(app.login_request(EMAIL, PASSWORD), "credentials-wrong").await;
    expect_unauthorized(app.refresh_request(&tokens.refresh_token), "refresh-token-invalid").await;
    let role = sqlx::query_scalar!("select role from users where id = $1", customer.id);
    assert_eq!(role.fetch_one(&app.service.database).await.unwrap(), "admin");
}
