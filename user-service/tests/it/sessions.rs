//! What happens to a session after the log-in.

use crate::support::{Grant, PASSWORD, World, at_once, copy_of, expect, expect_problem, redis};
use deadpool_redis::redis::AsyncCommands;
use reqwest::StatusCode;
use serde_json::json;
use shared::testing::eventually;
use user_service::store;
use uuid::Uuid;

const REFUSED: StatusCode = StatusCode::UNAUTHORIZED;

async fn gone(session_id: Uuid) {
    eventually("the session's copy to be gone", || async {
        copy_of(session_id).await.is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let first = world.login(&ada.email).await;
    let second = world.refresh(&first.refresh_token).await;
    let third = world.refresh(&second.refresh_token).await;
    let (before, after) = (
        world.verify(&first.access_token).await,
        world.verify(&third.access_token).await,
    );
    assert_eq!(before.sid, after.sid);
    assert_ne!(before.jti, after.jti);
    assert!(copy_of(after.sid).await.is_some());

    // One that was used comes back: the whole session is over, the newest token with it.
    expect_problem(world.try_refresh(&first.refresh_token), REFUSED, "refresh-token-reused").await;
    assert_eq!(
        copy_of(after.sid).await,
        None,
        "before the answer, not some time after it"
    );
    expect_problem(
        world.try_refresh(&third.refresh_token),
        REFUSED,
        "refresh-token-invalid",
    )
    .await;
    assert_eq!(world.sessions_of(ada.id).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_use_one_token_at_once_do_not_both_go_on() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    // The first round opens the connections; the later ones are closer races.
    for round in 0..8 {
        let grant = world.login(&ada.email).await;
        let sid = world.verify(&grant.access_token).await.sid;
        let race = at_once((0..6).map(|_| world.try_refresh(&grant.refresh_token))).await;
        let mut won = Vec::new();
        for answer in race {
            if answer.status() == StatusCode::OK {
                won.push(expect::<Grant>(answer, StatusCode::OK).await);
            } else {
                assert_eq!(answer.status(), REFUSED);
            }
        }
        assert_eq!(won.len(), 1, "round {round}");
        gone(sid).await;
        expect_problem(
            world.try_refresh(&won[0].refresh_token),
            REFUSED,
            "refresh-token-invalid",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_we_never_gave_or_whose_time_is_over() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let grant = world.login(&ada.email).await;
    for token in ["", "no token", &grant.access_token, &grant.refresh_token.to_lowercase()] {
        expect_problem(world.try_refresh(token), REFUSED, "refresh-token-invalid").await;
    }
    sqlx::query!("update refresh_tokens set expires_at = now()")
        .execute(&world.service.database)
        .await
        .unwrap();
    expect_problem(
        world.try_refresh(&grant.refresh_token),
        REFUSED,
        "refresh-token-invalid",
    )
    .await;
    assert_eq!(
        world.sessions_of(ada.id).await,
        1,
        "an expired token is no sign of a thief"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session() {
    let world = World::new().await;
    let (ada, eve) = (
        world.register("ada@example.com").await,
        world.register("eve@example.com").await,
    );
    let (first, other) = (world.login(&ada.email).await, world.login(&ada.email).await);
    let sid = world.verify(&first.access_token).await.sid;
    let newest = world.refresh(&first.refresh_token).await;

    for token in [newest.refresh_token.as_str(), "no token"] {
        expect_problem(world.logout(&eve.identity, token), StatusCode::NOT_FOUND, "not-found").await;
    }
    assert!(copy_of(sid).await.is_some(), "nobody logs others out");

    let answer = world.logout(&ada.identity, &newest.refresh_token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(copy_of(sid).await, None, "before the answer, not some time after it");
    expect_problem(
        world.try_refresh(&newest.refresh_token),
        REFUSED,
        "refresh-token-invalid",
    )
    .await;
    expect_problem(
        world.logout(&ada.identity, &newest.refresh_token),
        StatusCode::NOT_FOUND,
        "not-found",
    )
    .await;

    let other_sid = world.verify(&other.access_token).await.sid;
    assert!(copy_of(other_sid).await.is_some(), "her other session goes on");
    // A used token names its session as well.
    world.refresh(&other.refresh_token).await;
    let answer = world.logout(&ada.identity, &other.refresh_token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!((copy_of(other_sid).await, world.sessions_of(ada.id).await), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_email_address_reaches_the_sessions() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let (first, second) = (world.login(&ada.email).await, world.login(&ada.email).await);
    let change = json!({"email": "king@example.com"});
    assert_eq!(
        world.patch(&ada.identity, &change).send().await.unwrap().status(),
        StatusCode::OK
    );
    for grant in [&first, &second] {
        let sid = world.verify(&grant.access_token).await.sid;
        eventually("the new address in Redis", || async {
            (copy_of(sid).await?["email"] == "king@example.com").then_some(())
        })
        .await;
    }
    let renewed = world.refresh(&first.refresh_token).await;
    assert_eq!(world.verify(&renewed.access_token).await.email, "king@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_brings_back_what_redis_has_lost() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let grant = world.login(&ada.email).await;
    let sid = world.verify(&grant.access_token).await.sid;
    let before = copy_of(sid).await;
    let _: () = redis().await.del(format!("session:{sid}")).await.unwrap();
    world.refresh(&grant.refresh_token).await;
    assert_eq!(copy_of(sid).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_sessions_end_when_there_are_too_many() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let oldest = world.login(&ada.email).await;
    let mut newest = oldest.clone();
    for _ in 0..20 {
        let answer = world.try_login(&ada.email, PASSWORD).send().await.unwrap();
        newest = expect(answer, StatusCode::OK).await;
    }
    assert_eq!(world.sessions_of(ada.id).await, 20);
    gone(world.verify(&oldest.access_token).await.sid).await;
    expect_problem(
        world.try_refresh(&oldest.refresh_token),
        REFUSED,
        "refresh-token-invalid",
    )
    .await;
    world.refresh(&newest.refresh_token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn used_tokens_and_sessions_whose_time_is_over_do_not_pile_up() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let mut grant = world.login(&ada.email).await;
    for _ in 0..105 {
        grant = world.refresh(&grant.refresh_token).await;
    }
    let tokens = sqlx::query_scalar!(r#"select count(*) as "count!" from refresh_tokens"#);
    assert_eq!(tokens.fetch_one(&world.service.database).await.unwrap(), 101);

    world.login(&ada.email).await;
    let sid = world.verify(&grant.access_token).await.sid;
    sqlx::query!(
        "update sessions set expires_at = now() - interval '1 second' where id = $1",
        sid
    )
    .execute(&world.service.database)
    .await
    .unwrap();
    expect_problem(world.try_refresh("x"), REFUSED, "refresh-token-invalid").await;
    let mut connection = world.service.database.acquire().await.unwrap();
    assert_eq!(
        store::sessions::delete_expired(&mut connection, 1_000).await.unwrap(),
        1
    );
    assert_eq!(world.sessions_of(ada.id).await, 1);
    let tokens = sqlx::query_scalar!(r#"select count(*) as "count!" from refresh_tokens"#);
    assert_eq!(tokens.fetch_one(&world.service.database).await.unwrap(), 1);
}
