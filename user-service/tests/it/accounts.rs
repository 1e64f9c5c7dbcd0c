//! Registration, reading and changing of accounts.

use crate::{
    requests::{expect_problem, expect_unauthorized, read_json, send, send_all},
    test_app::{PASSWORD, TestApp},
};
use kernel::id;
use reqwest::StatusCode;
use serde_json::{Value, json};
use web::identity::Role;

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_user_can_read_their_account() {
    let app = TestApp::new().await;
    let body = json!({"email": "  Ada@Example.COM ", "password": PASSWORD, "name": " Ada "});
    let answer = send(app.register_request(&body)).await;
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let user: Value = read_json(answer, StatusCode::CREATED).await;
    let keys: Vec<&str> = user.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["createdAt", "email", "id", "name", "role", "updatedAt"]);
    assert_eq!(
        (&user["email"], &user["name"], &user["role"]),
        (&json!("ada@example.com"), &json!("Ada"), &json!("customer"))
    );

    let id = user["id"].as_str().unwrap();
    assert_eq!(location, format!("/api/users/{id}"));
    let identity = app.env.identity(id.parse().unwrap(), Role::Customer);
    for path in ["/api/users/me", location.as_str()] {
        assert_eq!(app.get(path, &identity).await, user);
    }
    let hash = sqlx::query_scalar!("select password_hash from users")
        .fetch_one(&app.service.database)
        .await
        .unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_can_read_another_user() {
    let app = TestApp::new().await;
    let (ada, eve) = (
        app.register("ada@example.com").await,
        app.register("eve@example.com").await,
    );
    let not_found = async |path: &str, identity: &str| {
        let request = app.service.get(path, identity);
        expect_problem(request, StatusCode::NOT_FOUND, "not-found").await
    };
    let existing = format!("/api/users/{}", ada.id);
    let missing = format!("/api/users/{}", id::new());
    assert_eq!(
        not_found(&existing, &eve.identity).await,
        not_found(&missing, &eve.identity).await
    );

    let admin = app.env.identity(id::new(), Role::Admin);
    assert_eq!(app.get(&existing, &admin).await["email"], "ada@example.com");
    not_found(&missing, &admin).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_address_belongs_to_one_user() {
    let app = TestApp::new().await;
    let (ada, eve) = (
        app.register("ada@example.com").await,
        app.register("eve@example.com").await,
    );
    let again = json!({"email": "ADA@example.com", "password": PASSWORD, "name": "Another"});
    expect_problem(app.register_request(&again), StatusCode::CONFLICT, "email-taken").await;
    let change = json!({"name": "Eve Adams", "email": "ada@example.com"});
    let request = app.update_request(&eve.identity, &change);
    expect_problem(request, StatusCode::CONFLICT, "email-taken").await;

    let unchanged = app.get("/api/users/me", &eve.identity).await;
    assert_eq!(
        (&unchanged["name"], &unchanged["email"]),
        (&json!("Ada Lovelace"), &json!("eve@example.com")),
        "the refused change has no effect in part"
    );
    assert_eq!(app.published("user.updated", eve.id).await, 0);
    assert_eq!(app.published("user.registered", ada.id).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_registrations_with_one_address_one_succeeds() {
    let app = TestApp::new().await;
    let attempts = (0..8).map(|attempt| {
        let email = if attempt % 2 == 0 {
            "ada@example.com"
        } else {
            "Ada@Example.com"
        };
        app.register_request(&json!({"email": email, "password": PASSWORD, "name": "Ada"}))
    });
    let answers = send_all(attempts).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    let ids = sqlx::query_scalar!("select id from users")
        .fetch_all(&app.service.database)
        .await
        .unwrap();
    assert_eq!(ids.len(), 1);
    assert_eq!(app.published("user.registered", ids[0]).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_changes_name_and_email_address() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let user = app.update(&ada, json!({"name": "Ada King"})).await;
    assert_eq!(
        (&user["name"], &user["email"]),
        (&json!("Ada King"), &json!("ada@example.com"))
    );
    assert!(user["updatedAt"].as_str().unwrap() > user["createdAt"].as_str().unwrap());

    let user = app.update(&ada, json!({"email": "King@Example.com"})).await;
    assert_eq!(
        (&user["name"], &user["email"]),
        (&json!("Ada King"), &json!("king@example.com"))
    );
    expect_unauthorized(app.login_request("ada@example.com", PASSWORD), "credentials-wrong").await;
    assert_eq!(app.log_in("king@example.com").await.user, user);
    // The old address is free again.
    app.register("ada@example.com").await;
}
