//! Nobody becomes somebody else by writing headers, neither at the gateway nor at a service.

use crate::stage::{HOUSE_BLEND, Stage, must};
use e2e::answer::Answer;
use reqwest::{Method, StatusCode};

const FORGERIES: [(&str, &str); 3] = [
    ("X-User-Id", "00000000-0000-7000-8000-000000000000"),
    ("X-User-Role", "admin"),
    ("X-Identity", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwIiwicm9sZSI6ImFkbWluIn0."),
];

#[tokio::test(flavor = "multi_thread")]
async fn forged_identities_give_nothing_at_the_gateway() {
    let stage = Stage::open().await;
    let (owner, thief) = (stage.shopper().await, stage.shopper().await);
    let order = must(owner.order(HOUSE_BLEND, 1, "pm_ok").await);
    let path = format!("/api/orders/{}", order.id);
    let owners_id = owner.user_id.to_string();
    for (name, value) in FORGERIES
        .into_iter()
        .chain([("X-User-Id", owners_id.as_str()), ("X_User_Id", &owners_id)])
    {
        let nobody = stage.platform.request(Method::GET, &path).header(name, value);
        must(must(Answer::patiently(name, nobody).await).expect(StatusCode::UNAUTHORIZED));
        let stranger = thief.request(Method::GET, &path).header(name, value);
        let answer = must(Answer::patiently(name, stranger).await);
        assert!(
            [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&answer.status),
            "{name}: {answer:?}"
        );
        let ship = thief.request(Method::POST, &format!("{path}/ship")).header(name, value);
        let answer = must(Answer::patiently(name, ship).await);
        assert!(
            [StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST].contains(&answer.status),
            "{name}: {answer:?}"
        );
    }
    must(must(owner.get(&path).await).expect(StatusCode::OK));
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_identities_give_nothing_at_a_service() {
    let stage = Stage::open().await;
    let owner = stage.shopper().await;
    let order = must(owner.order(HOUSE_BLEND, 1, "pm_ok").await);
    let asked = [
        ("ORDER_SERVICE_URL", format!("/api/orders/{}", order.id)),
        ("PAYMENT_SERVICE_URL", format!("/api/payments/{}", order.id)),
        ("USER_SERVICE_URL", "/api/users/me".to_owned()),
        ("NOTIFICATION_SERVICE_URL", "/api/notifications".to_owned()),
        ("ANALYTICS_SERVICE_URL", "/api/analytics/counters".to_owned()),
    ];
    let owners_id = owner.user_id.to_string();
    for (service, path) in asked {
        let base = must(stage.platform.variable(service)).to_owned();
        // A real access token is for the gateway; a service takes only what the gateway has signed.
        let bearer = format!("Bearer {}", owner.token);
        let forgeries = FORGERIES.into_iter().chain([
            ("X-User-Id", owners_id.as_str()),
            ("X-Identity", owner.token.as_str()),
            ("Authorization", bearer.as_str()),
        ]);
        for (name, value) in forgeries {
            let request = stage.platform.request_to(&base, Method::GET, &path).header(name, value);
            must(must(Answer::of(service, request).await).expect(StatusCode::UNAUTHORIZED));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_internal_is_reachable_from_outside() {
    let stage = Stage::open().await;
    for path in [
        "/internal/status",
        "/internal/dead-letters",
        "/livez",
        "/api/../internal/status",
        "/.well-known/jwks.json",
    ] {
        let answer = must(Answer::patiently(path, stage.platform.request(Method::GET, path)).await);
        assert!(
            [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&answer.status),
            "{path}: {answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_logged_out_is_out() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let body = serde_json::json!({ "refreshToken": shopper.refresh_token });
    let answer = must(shopper.post("/api/auth/logout", &body).await);
    assert!(answer.status.is_success(), "{answer:?}");
    must(must(shopper.get("/api/users/me").await).expect(StatusCode::UNAUTHORIZED));
}
