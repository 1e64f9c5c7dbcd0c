//! Forged identity headers are worthless, both at the gateway and at a service.

use crate::fixture::{Fixture, expect_ok, expect_status};
use platform_client::{HarnessError, answer::Answer, catalogue::HOUSE_BLEND};
use reqwest::{Method, RequestBuilder, StatusCode};

const FORGERIES: [(&str, &str); 3] = [
    ("X-User-Id", "00000000-0000-7000-8000-000000000000"),
    ("X-User-Role", "admin"),
    ("X-Identity", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwIiwicm9sZSI6ImFkbWluIn0."),
];

/// Sends the request, which must be answered with one of these statuses.
async fn refused(request: RequestBuilder, statuses: &[StatusCode], case: &str) {
    let answer = expect_ok(Answer::patiently(request).await);
    assert!(statuses.contains(&answer.status), "{case}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_identities_give_nothing_at_the_gateway() {
    let fixture = Fixture::open().await;
    let (owner, thief) = (fixture.customer().await, fixture.customer().await);
    let order = expect_ok(owner.place_order(HOUSE_BLEND, 1, "pm_ok").await);
    let path = format!("/api/orders/{}", order.id);
    let owners_id = owner.tokens.user.id.to_string();
    for (name, value) in FORGERIES
        .into_iter()
        .chain([("X-User-Id", owners_id.as_str()), ("X_User_Id", &owners_id)])
    {
        let anonymous = fixture.platform.request(Method::GET, &path).header(name, value);
        refused(anonymous, &[StatusCode::UNAUTHORIZED], name).await;
        let stranger = thief.request(Method::GET, &path).header(name, value);
        refused(stranger, &[StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST], name).await;
        let ship = thief.request(Method::POST, &format!("{path}/ship")).header(name, value);
        refused(ship, &[StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST], name).await;
    }
    expect_status(owner.get(&path).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_identities_give_nothing_at_a_service() {
    let fixture = Fixture::open().await;
    let owner = fixture.customer().await;
    let order = expect_ok(owner.place_order(HOUSE_BLEND, 1, "pm_ok").await);
    let requests = [
        ("ORDER_SERVICE_URL", format!("/api/orders/{}", order.id)),
        ("PAYMENT_SERVICE_URL", format!("/api/payments/{}", order.id)),
        ("USER_SERVICE_URL", "/api/users/me".to_owned()),
        ("NOTIFICATION_SERVICE_URL", "/api/notifications".to_owned()),
        ("ANALYTICS_SERVICE_URL", "/api/analytics/counters".to_owned()),
    ];
    let owners_id = owner.tokens.user.id.to_string();
    for (service, path) in requests {
        let base = expect_ok(fixture.platform.environment.get(service));
        // A real access token is for the gateway; a service accepts only the gateway's signature.
        let bearer = format!("Bearer {}", owner.tokens.access_token);
        let forgeries = FORGERIES.into_iter().chain([
            ("X-User-Id", owners_id.as_str()),
            ("X-Identity", owner.tokens.access_token.as_str()),
            ("Authorization", bearer.as_str()),
        ]);
        for (name, value) in forgeries {
            let request = fixture
                .platform
                .request_to(base, Method::GET, &path)
                .header(name, value);
            let answer = Answer::of(request).await.map_err(HarnessError::from);
            expect_status(answer, StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_paths_are_unreachable_from_outside() {
    let fixture = Fixture::open().await;
    for path in [
        "/internal/status",
        "/internal/dead-letters",
        "/internal/jobs",
        "/livez",
        "/api/../internal/status",
        "/.well-known/jwks.json",
    ] {
        let request = fixture.platform.request(Method::GET, path);
        refused(request, &[StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST], path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refused_after_logout() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let body = serde_json::json!({ "refreshToken": customer.tokens.refresh_token });
    let answer = expect_ok(customer.post("/api/auth/logout", &body).await);
    assert!(answer.status.is_success(), "{answer:?}");
    expect_status(customer.get("/api/users/me").await, StatusCode::UNAUTHORIZED);
}
