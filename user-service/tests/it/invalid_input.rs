//! Invalid input: each answer is a problem that names the fault.

use crate::{
    requests::{expect_problem, expect_unauthorized, send},
    test_app::{PASSWORD, TestApp},
};
use kernel::id;
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use web::identity::{IDENTITY_HEADER, Role};

fn registration(field: &str, value: Value) -> Value {
    let mut body = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    body[field] = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_registration_is_refused_with_the_fault() {
    let app = TestApp::new().await;
    let wrong = [
        (
            registration("email", json!("not an address")),
            "email: an e-mail address has the form",
        ),
        (registration("email", json!(7)), "email: invalid type"),
        (registration("email", Value::Null), "email: invalid type"),
        (
            registration("password", json!("short")),
            "password: a password has 8 to 128 characters",
        ),
        (
            registration("password", json!("x".repeat(129))),
            "password: a password has 8 to 128 characters",
        ),
        (
            registration("password", json!("x".repeat(200_000))),
            "password: a password has 8 to 128 characters",
        ),
        (
            registration("name", json!(" \u{202e} ")),
            "name: a name has 1 to 100 visible characters",
        ),
        (
            registration("name", json!("a\0b")),
            "name: a name has 1 to 100 visible characters",
        ),
        (registration("role", json!("admin")), "unknown field `role`"),
        (registration("isAdmin", json!(true)), "unknown field `isAdmin`"),
        (registration("id", json!(id::new())), "unknown field `id`"),
        (registration("passwordHash", json!("x")), "unknown field `passwordHash`"),
        (
            registration("createdAt", json!("2020-01-01T00:00:00Z")),
            "unknown field `createdAt`",
        ),
        (
            json!({"email": "ada@example.com", "password": PASSWORD}),
            "missing field `name`",
        ),
        (json!(["ada@example.com"]), "invalid length 1"),
    ];
    for (body, expected) in wrong {
        let detail = expect_problem(app.register_request(&body), StatusCode::BAD_REQUEST, "body-invalid").await;
        assert!(detail.contains(expected), "{body}: {detail}");
        assert!(!detail.contains(PASSWORD), "{detail}");
    }
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from users"#);
    assert_eq!(count.fetch_one(&app.service.database).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_refused() {
    let app = TestApp::new().await;
    let paths = ["/api/users", "/api/auth/login", "/api/auth/refresh"];
    for path in paths {
        let post = || app.service.request(Method::POST, path);
        let json = |body: &'static str| post().header(CONTENT_TYPE, "application/json").body(body);
        expect_problem(json("{\""), StatusCode::BAD_REQUEST, "body-malformed").await;
        expect_problem(json(""), StatusCode::BAD_REQUEST, "body-malformed").await;
        expect_problem(json("{}"), StatusCode::BAD_REQUEST, "body-invalid").await;
        let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        expect_problem(post().body("email=ada"), unsupported, "media-type-unsupported").await;
        let answer = send(app.service.request(Method::PUT, path)).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_change_is_refused() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let bad = StatusCode::BAD_REQUEST;
    for empty in [json!({}), json!({"name": null})] {
        expect_problem(app.update_request(&ada.identity, &empty), bad, "nothing-to-change").await;
    }
    let wrong = [
        (json!({"name": ""}), "name: a name has"),
        (json!({"email": "ada"}), "email: an e-mail address has"),
        (json!({"name": "Ada", "role": "admin"}), "unknown field `role`"),
        (json!({"password": "another password"}), "unknown field `password`"),
    ];
    for (change, expected) in wrong {
        let detail = expect_problem(app.update_request(&ada.identity, &change), bad, "body-invalid").await;
        assert!(detail.contains(expected), "{change}: {detail}");
    }
    let unknown_user = app.env.identity(id::new(), Role::Customer);
    let change = app.update_request(&unknown_user, &json!({"name": "Eve"}));
    expect_problem(change, StatusCode::NOT_FOUND, "not-found").await;
    assert_eq!(app.published("user.updated", ada.id).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_valid_identity_is_refused() {
    let app = TestApp::new().await;
    let ada = app.register("ada@example.com").await;
    let refresh_token = app.log_in(&ada.email).await.refresh_token;
    let own_path = format!("/api/users/{}", ada.id);
    let body = json!({"name": "Eve", "refreshToken": refresh_token});
    let routes = [
        (Method::GET, "/api/users/me"),
        (Method::GET, own_path.as_str()),
        (Method::PATCH, "/api/users/me"),
        (Method::POST, "/api/auth/logout"),
    ];
    let mut forged = ada.identity.clone();
    forged.replace_range(forged.len() - 10.., "AAAAAAAAAA");
    for (method, path) in routes {
        let anonymous = || app.service.request(method.clone(), path).json(&body);
        expect_unauthorized(anonymous(), "not-authenticated").await;
        let named = anonymous()
            .header("x-user-id", ada.id.to_string())
            .header("x-user-role", "admin");
        expect_unauthorized(named, "not-authenticated").await;
        expect_unauthorized(anonymous().header(IDENTITY_HEADER, &forged), "identity-invalid").await;
        // The user's own access token is of another type, and signed with another key.
        let access_token = app.log_in(&ada.email).await.access_token;
        expect_unauthorized(anonymous().header(IDENTITY_HEADER, access_token), "identity-invalid").await;
    }
    expect_problem(
        app.service.get("/api/users/7", &ada.identity),
        StatusCode::BAD_REQUEST,
        "path-invalid",
    )
    .await;
}
