//! The admin made at the start, and settings that are wrong.

use crate::support::{SIGNING_KEY, World, copy_of, expect_problem, start};
use reqwest::StatusCode;
use shared::{
    config::Env,
    identity::Role,
    testing::{TestBed, eventually, variable},
};
use user_service::config::Config;

const EMAIL: &str = "admin@example.com";
const PASSWORD: &str = crate::support::PASSWORD;

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_at_once_make_one_admin() {
    let bed = TestBed::new(&["analytics-queue"]).await;
    let redis = variable("TEST_REDIS_URL");
    let variables = [
        ("REDIS_URL", redis.as_str()),
        ("ADMIN_EMAIL", "Admin@Example.com"),
        ("ADMIN_PASSWORD", PASSWORD),
    ];
    // Migrated beforehand: otherwise the migrations make the two take turns.
    start(&bed, &variables[..1]).await.stop().await;
    let (service, other) = tokio::join!(start(&bed, &variables), start(&bed, &variables));
    let world = World { bed, service };
    let id = sqlx::query_scalar!("select id from users")
        .fetch_all(&world.service.database)
        .await
        .unwrap();
    assert_eq!(id.len(), 1);
    assert_eq!(world.published("user.registered", id[0]).await, 1);
    let claims = world.verify(&world.login(EMAIL).await.access_token).await;
    assert_eq!((claims.sub, claims.role), (id[0], Role::Admin));
    assert_eq!(copy_of(claims.sid).await.unwrap()["role"], "admin");
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stalls_during_the_start_is_waited_for() {
    let bed = TestBed::new(&["analytics-queue"]).await;
    let redis = variable("TEST_REDIS_URL");
    let variables = [
        ("REDIS_URL", redis.as_str()),
        ("ADMIN_EMAIL", EMAIL),
        ("ADMIN_PASSWORD", PASSWORD),
    ];
    let first = start(&bed, &variables[..1]).await;
    let mut stalling = first.database.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(hashtext('user-service: admin'))")
        .execute(&mut *stalling)
        .await
        .unwrap();
    let waiting = |expected: bool| {
        let database = first.database.clone();
        eventually("the turn to be waited for, or given up", move || {
            let database = database.clone();
            async move {
                let sql = "select exists(select from pg_locks where locktype = 'advisory' and not granted)";
                let waits: bool = sqlx::query_scalar(sql).fetch_one(&database).await.unwrap();
                (waits == expected).then_some(())
            }
        })
    };
    let stall = async {
        waiting(true).await;
        // The limit on locks has ended the first try.
        waiting(false).await;
        stalling.close().await.unwrap();
    };
    let (second, ()) = tokio::join!(start(&bed, &variables), stall);
    let world = World { bed, service: second };
    world.login(EMAIL).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_takes_effect_at_the_next_start() {
    let redis = variable("TEST_REDIS_URL");
    let settings = |password| {
        [
            ("REDIS_URL", redis.as_str()),
            ("ADMIN_EMAIL", EMAIL),
            ("ADMIN_PASSWORD", password),
        ]
    };
    let mut world = World::with(&settings(PASSWORD)).await;
    let grant = world.login(EMAIL).await;
    let sid = world.verify(&grant.access_token).await.sid;

    world.service = start(&world.bed, &settings(PASSWORD)).await;
    let grant = world.refresh(&grant.refresh_token).await;

    world.service = start(&world.bed, &settings("another password")).await;
    let refused = StatusCode::UNAUTHORIZED;
    expect_problem(world.try_login(EMAIL, PASSWORD), refused, "credentials-wrong").await;
    expect_problem(
        world.try_refresh(&grant.refresh_token),
        refused,
        "refresh-token-invalid",
    )
    .await;
    eventually("the old session's copy to be gone", || async {
        copy_of(sid).await.is_none().then_some(())
    })
    .await;
    let answer = world.try_login(EMAIL, "another password").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_the_admins_address_does_not_keep_a_foot_in_the_door() {
    let redis = variable("TEST_REDIS_URL");
    let mut world = World::with(&[("REDIS_URL", &redis)]).await;
    let squatter = world.register(EMAIL).await;
    let grant = world.login(EMAIL).await;
    world.service = start(
        &world.bed,
        &[
            ("REDIS_URL", &redis),
            ("ADMIN_EMAIL", EMAIL),
            ("ADMIN_PASSWORD", "the admin's own"),
        ],
    )
    .await;
    let refused = StatusCode::UNAUTHORIZED;
    expect_problem(world.try_login(EMAIL, PASSWORD), refused, "credentials-wrong").await;
    expect_problem(
        world.try_refresh(&grant.refresh_token),
        refused,
        "refresh-token-invalid",
    )
    .await;
    let role = sqlx::query_scalar!("select role from users where id = $1", squatter.id);
    assert_eq!(role.fetch_one(&world.service.database).await.unwrap(), "admin");
}

#[test]
fn a_setting_that_is_missing_or_wrong_is_named() {
    let good = [
        ("REDIS_URL", "redis://127.0.0.1"),
        ("TOKEN_SIGNING_KEY_FILE", SIGNING_KEY),
    ];
    let error_with = |variables: &[(&str, &str)]| {
        let env = Env::from_pairs(good.iter().chain(variables).copied());
        Config::from_env(&env)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    assert_eq!(error_with(&[]), "");
    let not_a_key = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let wrong = [
        (vec![("REDIS_URL", "")], "REDIS_URL is not set"),
        (vec![("REDIS_URL", "http://x")], "REDIS_URL has the unusable value"),
        (
            vec![("TOKEN_SIGNING_KEY_FILE", "/nowhere/key.pem")],
            "TOKEN_SIGNING_KEY_FILE names the file /nowhere/key.pem",
        ),
        (
            vec![("TOKEN_SIGNING_KEY_FILE", not_a_key)],
            "TOKEN_SIGNING_KEY_FILE has the unusable value",
        ),
        (
            vec![("ACCESS_TOKEN_TTL_S", "0")],
            "ACCESS_TOKEN_TTL_S has the unusable value",
        ),
        (vec![("ADMIN_EMAIL", EMAIL)], "ADMIN_PASSWORD is not set"),
        (vec![("ADMIN_PASSWORD", PASSWORD)], "ADMIN_EMAIL is not set"),
        (
            vec![("ADMIN_EMAIL", "root"), ("ADMIN_PASSWORD", PASSWORD)],
            "ADMIN_EMAIL has the unusable value `root`",
        ),
        (
            vec![("ADMIN_EMAIL", EMAIL), ("ADMIN_PASSWORD", "short")],
            "ADMIN_PASSWORD has the unusable value `…`",
        ),
    ];
    for (variables, what) in wrong {
        let error = error_with(&variables);
        assert!(error.contains(what), "{variables:?}: {error}");
    }
}
