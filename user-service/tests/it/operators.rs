//! `POST /internal/users/republish`.

use crate::support::{World, expect, expect_problem};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{id, identity::Role, testing::eventually};

const PATH: &str = "/internal/users/republish";

#[tokio::test(flavor = "multi_thread")]
async fn every_user_is_told_again() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    // More than two batches.
    sqlx::query!(
        "insert into users (id, email, name, role, password_hash)
         select gen_random_uuid(), 'user' || n || '@example.com', 'User ' || n, 'customer', '-' from generate_series(1, 450) n"
    )
    .execute(&world.service.database)
    .await
    .unwrap();
    let mut probe = world.bed.events().await;
    let request = world
        .service
        .operator(Method::POST, PATH)
        .header("x-correlation-id", "rebuild-7");
    let accepted: Value = expect(request.send().await.unwrap(), StatusCode::ACCEPTED).await;
    assert_eq!(accepted, json!({"count": 451}));

    let told = probe.wait_for("user.updated", ada.id).await;
    assert_eq!(
        told.data,
        json!({"userId": ada.id, "email": "ada@example.com", "name": "Ada Lovelace"})
    );
    assert_eq!(
        (told.metadata.sequence, told.metadata.correlation_id.as_str()),
        (2, "rebuild-7")
    );
    eventually("the end of the republication", || async {
        let due = sqlx::query_scalar!(
            r#"select (select count(*) from intents where done_at is null) + (select count(*) from outbox) as "count!""#
        );
        (due.fetch_one(&world.service.database).await.unwrap() == 0).then_some(())
    })
    .await;
    let told = sqlx::query!(
        r#"select count(*) as "events!", count(distinct subject) as "users!" from published where event_type = 'user.updated'"#
    )
    .fetch_one(&world.service.database)
    .await
    .unwrap();
    assert_eq!((told.events, told.users), (451, 451));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_may_ask_for_it() {
    let world = World::new().await;
    let admin = world.bed.identity(id::new(), Role::Admin);
    let refused = StatusCode::UNAUTHORIZED;
    for request in [
        world.service.request(Method::POST, PATH),
        world.service.request(Method::POST, PATH).bearer_auth("wrong"),
        world.service.post(PATH, &admin),
    ] {
        expect_problem(request, refused, "operator-token-required").await;
    }
    let answer = world.service.operator(Method::POST, PATH).send().await.unwrap();
    let accepted: Value = expect(answer, StatusCode::ACCEPTED).await;
    assert_eq!(accepted, json!({"count": 0}));
}
