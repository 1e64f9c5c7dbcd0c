//! Logging in: the tokens, and what strangers learn.

use crate::support::{PASSWORD, World, at_once, copy_of, expect_problem, redis};
use deadpool_redis::redis::AsyncCommands;
use reqwest::StatusCode;
use serde_json::json;
use shared::{clock, identity::Role};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn the_tokens_say_what_the_gateway_needs() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let answer = world.try_login(" ADA@example.com", PASSWORD).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let grant: crate::support::Grant = crate::support::expect(answer, StatusCode::OK).await;
    assert_eq!((grant.token_type.as_str(), grant.expires_in_s), ("Bearer", 900));
    assert_eq!(grant.user["id"], json!(ada.id));

    let claims = world.verify(&grant.access_token).await;
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), ("user-service", "platform"));
    assert_eq!(
        (claims.sub, claims.email.as_str(), claims.role),
        (ada.id, "ada@example.com", Role::Customer)
    );
    assert_eq!((claims.exp - claims.iat, claims.nbf), (900, claims.iat));
    let now_s = u64::try_from(clock::now().timestamp()).unwrap();
    assert!(now_s.abs_diff(claims.iat) < 30, "issued now");

    let copy = copy_of(claims.sid).await.unwrap();
    assert_eq!(
        copy,
        json!({"userId": ada.id, "role": "customer", "email": "ada@example.com"})
    );
    let ttl_s: i64 = redis().await.ttl(format!("session:{}", claims.sid)).await.unwrap();
    assert!((2_592_000 - 60..=2_592_000).contains(&ttl_s), "{ttl_s}");

    let second = world.verify(&world.login(&ada.email).await.access_token).await;
    assert_ne!((second.sid, second.jti), (claims.sid, claims.jti));
    let stored = sqlx::query_scalar!("select hash from refresh_tokens")
        .fetch_all(&world.service.database)
        .await
        .unwrap();
    assert!(
        stored
            .iter()
            .all(|hash| hash.len() == 32 && hash.as_slice() != grant.refresh_token.as_bytes())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_learn_who_is_registered() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let refused = StatusCode::UNAUTHORIZED;
    let wrong = expect_problem(
        world.try_login(&ada.email, "wrong password"),
        refused,
        "credentials-wrong",
    )
    .await;
    let long = "x".repeat(10_000);
    for (email, password) in [
        ("eve@example.com", PASSWORD),
        ("", ""),
        ("ada", PASSWORD),
        (&ada.email, "wrong"),
        (&ada.email, &long),
    ] {
        let unknown = expect_problem(world.try_login(email, password), refused, "credentials-wrong").await;
        assert_eq!(unknown, wrong, "{email}");
    }
    assert_eq!(world.sessions_of(ada.id).await, 0);

    // Without the decoy an unknown address would be answered in a fraction of the time.
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        wrong.push(time(&world, &ada.email).await);
        unknown.push(time(&world, "eve@example.com").await);
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

async fn time(world: &World, email: &str) -> Duration {
    let started = Instant::now();
    let answer = world.try_login(email, "wrong password").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_logins_is_worked_off() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    for answer in at_once((0..60).map(|_| world.try_login(&ada.email, "wrong password"))).await {
        let status = answer.status();
        // 503 where its turn did not come in time; never a hang, never a 500.
        assert!(
            [StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE].contains(&status),
            "{status}"
        );
    }
    world.login(&ada.email).await;
}
