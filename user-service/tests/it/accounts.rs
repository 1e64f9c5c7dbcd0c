//! Registering, looking, changing.

use crate::support::{PASSWORD, World, at_once, expect, expect_problem};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{id, identity::Role};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_registers_and_sees_themselves() {
    let world = World::new().await;
    let body = json!({"email": "  Ada@Example.COM ", "password": PASSWORD, "name": " Ada "});
    let answer = world
        .service
        .request(Method::POST, "/api/users")
        .json(&body)
        .send()
        .await
        .unwrap();
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let user: Value = expect(answer, StatusCode::CREATED).await;
    let keys: Vec<&str> = user.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["createdAt", "email", "id", "name", "role", "updatedAt"]);
    assert_eq!(
        (&user["email"], &user["name"], &user["role"]),
        (&json!("ada@example.com"), &json!("Ada"), &json!("customer"))
    );

    let id = user["id"].as_str().unwrap();
    assert_eq!(location, format!("/api/users/{id}"));
    let identity = world.bed.identity(id.parse().unwrap(), Role::Customer);
    for path in ["/api/users/me", location.as_str()] {
        let seen: Value = expect(world.service.get(path, &identity).send().await.unwrap(), StatusCode::OK).await;
        assert_eq!(seen, user);
    }
    let hash = sqlx::query_scalar!("select password_hash from users")
        .fetch_one(&world.service.database)
        .await
        .unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_not_found_except_by_an_admin() {
    let world = World::new().await;
    let (ada, eve) = (
        world.register("ada@example.com").await,
        world.register("eve@example.com").await,
    );
    let path = format!("/api/users/{}", ada.id);
    let by_another = expect_problem(
        world.service.get(&path, &eve.identity),
        StatusCode::NOT_FOUND,
        "not-found",
    )
    .await;
    let missing = format!("/api/users/{}", id::new());
    let of_nobody = expect_problem(
        world.service.get(&missing, &eve.identity),
        StatusCode::NOT_FOUND,
        "not-found",
    )
    .await;
    assert_eq!(by_another, of_nobody);

    let admin = world.bed.identity(id::new(), Role::Admin);
    let seen: Value = expect(world.service.get(&path, &admin).send().await.unwrap(), StatusCode::OK).await;
    assert_eq!(seen["email"], "ada@example.com");
    expect_problem(world.service.get(&missing, &admin), StatusCode::NOT_FOUND, "not-found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_address_belongs_to_one_user() {
    let world = World::new().await;
    let (ada, eve) = (
        world.register("ada@example.com").await,
        world.register("eve@example.com").await,
    );
    let again = json!({"email": "ADA@example.com", "password": PASSWORD, "name": "Another"});
    let request = world.service.request(Method::POST, "/api/users").json(&again);
    expect_problem(request, StatusCode::CONFLICT, "email-taken").await;
    let change = json!({"name": "Eve Adams", "email": "ada@example.com"});
    expect_problem(world.patch(&eve.identity, &change), StatusCode::CONFLICT, "email-taken").await;

    let seen: Value = expect(
        world.service.get("/api/users/me", &eve.identity).send().await.unwrap(),
        StatusCode::OK,
    )
    .await;
    assert_eq!(
        (&seen["name"], &seen["email"]),
        (&json!("Ada Lovelace"), &json!("eve@example.com")),
        "nothing half done"
    );
    assert_eq!(world.published("user.updated", eve.id).await, 0);
    assert_eq!(world.published("user.registered", ada.id).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_register_at_once_one_succeeds() {
    let world = World::new().await;
    let attempts = (0..8).map(|attempt| {
        let email = if attempt % 2 == 0 {
            "ada@example.com"
        } else {
            "Ada@Example.com"
        };
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
        world.service.request(Method::POST, "/api/users").json(&body)
    });
    let answers = at_once(attempts).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let ids = sqlx::query_scalar!("select id from users")
        .fetch_all(&world.service.database)
        .await
        .unwrap();
    assert_eq!(ids.len(), 1);
    assert_eq!(world.published("user.registered", ids[0]).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_changes_name_and_email() {
    let world = World::new().await;
    let ada = world.register("ada@example.com").await;
    let change = json!({"name": "Ada King"});
    let user: Value = expect(
        world.patch(&ada.identity, &change).send().await.unwrap(),
        StatusCode::OK,
    )
    .await;
    assert_eq!(
        (&user["name"], &user["email"]),
        (&json!("Ada King"), &json!("ada@example.com"))
    );
    assert!(user["updatedAt"].as_str().unwrap() > user["createdAt"].as_str().unwrap());

    let change = json!({"email": "King@Example.com"});
    let user: Value = expect(
        world.patch(&ada.identity, &change).send().await.unwrap(),
        StatusCode::OK,
    )
    .await;
    assert_eq!(
        (&user["name"], &user["email"]),
        (&json!("Ada King"), &json!("king@example.com"))
    );
    expect_problem(
        world.try_login("ada@example.com", PASSWORD),
        StatusCode::UNAUTHORIZED,
        "credentials-wrong",
    )
    .await;
    assert_eq!(world.login("king@example.com").await.user, user);
    // The address that was given up is free.
    world.register("ada@example.com").await;
}
