//! `POST /internal/users/republish`.

use crate::{
    requests::{expect_json, expect_unauthorized},
    test_app::TestApp,
};
use kernel::id;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::eventually;
use web::identity::Role;

const PATH: &str = "/internal/users/republish";

#[tokio::test(flavor = "multi_thread")]
async fn every_user_is_published_again() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    // More than two batches.
    sqlx::query!(
        "insert into users (id, email, name, role, password_hash)
         select gen_random_uuid(), 'user' || n || '@example.com', 'User ' || n, 'customer', '-' from generate_series(1, 450) n"
    )
    .execute(&app.service.database)
    .await
    .unwrap();
    let mut probe = app.env.events().await;
    let request = app
        .service
        .operator(Method::POST, PATH)
        .header("x-correlation-id", "rebuild-7");
    let accepted: Value = expect_json(request, StatusCode::ACCEPTED).await;
    assert_eq!(accepted, json!({"count": 451}));

    let updated = probe.wait_for("user.updated", ada.id).await;
    assert_eq!(
        updated.data,
        json!({"userId": ada.id, "email": "ada@example.com", "name": "Ada Lovelace"})
    );
    assert_eq!(
        (updated.metadata.sequence, updated.metadata.correlation_id.as_str()),
        (2, "rebuild-7")
    );
    eventually("the end of the republication", || async {
        let due = sqlx::query_scalar!(
            r#"select (select count(*) from intents where done_at is null) + (select count(*) from outbox) as "count!""#
        );
        (due.fetch_one(&app.service.database).await.unwrap() == 0).then_some(())
    })
    .await;
    let published = sqlx::query!(
        r#"select count(*) as "events!", count(distinct subject) as "users!" from published where event_type = 'user.updated'"#
    )
    .fetch_one(&app.service.database)
    .await
    .unwrap();
    assert_eq!((published.events, published.users), (451, 451));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_republication_needs_the_operator_token() {
    let app = TestApp::new().await;
    let admin = app.env.identity(id::new(), Role::Admin);
    for request in [
        app.service.request(Method::POST, PATH),
        app.service.request(Method::POST, PATH).bearer_auth("wrong"),
        app.service.post(PATH, &admin),
    ] {
        expect_unauthorized(request, "operator-token-required").await;
    }
    let accepted: Value = expect_json(app.service.operator(Method::POST, PATH), StatusCode::ACCEPTED).await;
    assert_eq!(accepted, json!({"count": 0}));
}
