//! The identity headers that a service receives.

use crate::fixture::{Options, TestGateway, TestUser, answer_json, problem, raw};
use web::identity::{IdentitySigner, IdentityVerifier, Role};

const FORGED: [(&str, &str); 10] = [
    ("X-User-Id", "1"),
    ("x_user_id", "1"),
    ("X-User-Role", "admin"),
    ("X-User-Role", ""),
    ("X_User_Role", "admin"),
    ("X-User-Email", "root@example.com"),
    ("X-Identity", "forged"),
    ("x_identity", "forged"),
    ("X-Internal-Admin", "1"),
    ("X-Forwarded-For", "6.6.6.6"),
];

fn verifier() -> IdentityVerifier {
    let signer = IdentitySigner::from_pem(include_bytes!("keys/gateway.pem")).unwrap();
    IdentityVerifier::from_jwks(signer.jwks().as_bytes()).unwrap()
}

#[tokio::test]
async fn forged_identity_headers_are_replaced_by_those_of_the_gateway() {
    let gateway = TestGateway::with(Options {
        client_address: "127.99.0.1".to_owned(),
        ..Options::default()
    })
    .await;
    let user = gateway.user("customer").await;
    let mut request = gateway
        .client
        .get(gateway.url("/api/orders?limit=3"))
        .bearer_auth(&user.token);
    for (name, value) in FORGED {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);

    let seen = gateway.stub.last();
    assert_eq!(seen.target, "/api/orders?limit=3");
    let one = |name: &str| {
        let values: Vec<_> = seen
            .headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        assert_eq!(values.len(), 1, "{name}: {values:?}");
        values[0].to_owned()
    };
    assert_eq!(one("x-user-id"), user.id.to_string());
    assert_eq!(one("x-user-role"), "customer");
    assert_eq!(one("x-user-email"), "someone@example.com");
    assert_eq!(one("x-forwarded-for"), "127.99.0.1");
    let identity = verifier().verify(&one("x-identity")).unwrap();
    assert_eq!((identity.user_id, identity.role), (user.id, Role::Customer));
    assert!(
        seen.headers.keys().all(|name| !name.as_str().contains('_')),
        "{:?}",
        seen.headers
    );
    assert!(!seen.headers.contains_key("x-internal-admin") && !seen.headers.contains_key("authorization"));
}

#[tokio::test]
async fn forged_identity_headers_are_removed_on_a_public_route() {
    let gateway = TestGateway::new().await;
    let mut request = gateway.client.get(gateway.url("/api/products"));
    for (name, value) in FORGED {
        request = request.header(name, value);
    }
    assert_eq!(request.send().await.unwrap().status(), 200);
    let seen = gateway.stub.last();
    let claims_identity = |name: &str| name.contains('_') || name.starts_with("x-user") || name == "x-identity";
    assert!(
        !seen.headers.keys().any(|name| claims_identity(name.as_str())),
        "{:?}",
        seen.headers
    );
}

#[tokio::test]
async fn connection_cannot_remove_the_headers_of_the_gateway() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    let nominated = "close, x-identity, X-User-Id, x-user-role, x-correlation-id, x-mine";
    let request = format!(
        "GET /api/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n\
         TE: trailers\r\nConnection: {nominated}\r\nConnection: x-user-email\r\n\r\n",
        user.token
    );
    assert_eq!(raw(gateway.address, request).await.status, 200);
    let seen = gateway.stub.last();
    for name in [
        "x-identity",
        "x-user-id",
        "x-user-role",
        "x-user-email",
        "x-correlation-id",
    ] {
        assert_eq!(seen.headers.get_all(name).iter().count(), 1, "{name}");
    }
    assert_eq!(seen.headers["x-user-id"], user.id.to_string().as_str());
    for name in ["x-mine", "keep-alive", "te", "connection"] {
        assert!(!seen.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_token_is_verified_on_a_public_route_too() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    assert_eq!(gateway.get("/api/products", &user.token).await.status(), 200);
    assert_eq!(gateway.stub.last().headers["x-user-id"], user.id.to_string().as_str());
    // A client that sends a token expects to be authenticated, so an invalid one is refused and not ignored.
    let stranger = TestUser::new("customer");
    assert_eq!(
        problem(gateway.get("/api/products", &stranger.token).await, 401).await["code"],
        "session-ended"
    );
    assert_eq!(gateway.stub.seen().len(), 1);
}

#[tokio::test]
async fn admin_routes_are_refused_to_customers() {
    let gateway = TestGateway::new().await;
    let (customer, admin) = (gateway.user("customer").await, gateway.user("admin").await);
    let routes = [
        ("POST", "/api/products"),
        ("PATCH", "/api/products/1"),
        ("POST", "/api/orders/1/ship"),
        ("GET", "/api/analytics/counters"),
    ];
    for (method, path) in routes {
        let ask = |token: Option<&str>| {
            let request = gateway.client.request(method.parse().unwrap(), gateway.url(path));
            token
                .map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token))
                .send()
        };
        problem(ask(None).await.unwrap(), 401).await;
        problem(ask(Some(&customer.token)).await.unwrap(), 403).await;
        assert_eq!(ask(Some(&admin.token)).await.unwrap().status(), 200, "{method} {path}");
    }
    assert_eq!(gateway.stub.seen().len(), routes.len());
}

#[tokio::test]
async fn a_role_needs_both_token_and_session() {
    let gateway = TestGateway::new().await;
    let admin = TestUser::new("admin");
    gateway.put_session(&admin.session_id, admin.id, "customer").await;
    problem(gateway.get("/api/analytics/counters", &admin.token).await, 403).await;
    // Nor does a session grant a role that the token lacks.
    let customer = TestUser::new("customer");
    gateway.put_session(&customer.session_id, customer.id, "admin").await;
    problem(gateway.get("/api/analytics/counters", &customer.token).await, 403).await;
}

#[tokio::test]
async fn a_signed_identity_goes_out_again_but_not_in_another_role() {
    let gateway = TestGateway::new().await;
    let (admin, other) = (gateway.user("admin").await, gateway.user("admin").await);
    let identity = async |user: &TestUser| {
        assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
        let seen = gateway.stub.last();
        assert_eq!(seen.headers["x-user-id"], user.id.to_string().as_str());
        let text = seen.headers["x-identity"].to_str().unwrap().to_owned();
        let identity = verifier().verify(&text).unwrap();
        assert_eq!(identity.user_id, user.id);
        assert_eq!(
            seen.headers["x-user-role"],
            if identity.role == Role::Admin {
                "admin"
            } else {
                "customer"
            }
        );
        (text, identity.role)
    };
    let (first, role) = identity(&admin).await;
    assert_eq!(role, Role::Admin);
    // Longer than the second in which a second signature would be the same.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(identity(&admin).await.0, first);
    assert_ne!(identity(&other).await.0, first);
    gateway.put_session(&admin.session_id, admin.id, "customer").await;
    assert_eq!(identity(&admin).await.1, Role::Customer);
    gateway.put_session(&admin.session_id, admin.id, "admin").await;
    assert_eq!(identity(&admin).await.1, Role::Admin);
}

#[tokio::test]
async fn a_session_of_another_user_is_refused() {
    let gateway = TestGateway::new().await;
    let user = TestUser::new("customer");
    gateway
        .put_session(&user.session_id, kernel::id::new(), "customer")
        .await;
    problem(gateway.get("/api/orders", &user.token).await, 401).await;
}

#[tokio::test]
async fn correlation_id_and_trace_are_propagated_or_created() {
    let gateway = TestGateway::new().await;
    let ask = async |correlation: &str, traceparent: &str| {
        let request = gateway
            .client
            .get(gateway.url("/api/products"))
            .header("traceparent", traceparent);
        let answer = request.header("x-correlation-id", correlation).send().await.unwrap();
        let seen = gateway.stub.last();
        assert_eq!(answer.headers()["x-correlation-id"], seen.headers["x-correlation-id"]);
        let text = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
        (text("x-correlation-id"), text("traceparent"))
    };
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let (correlation, traceparent) = ask("story-1", &format!("00-{trace_id}-00f067aa0ba902b7-01")).await;
    assert_eq!(correlation, "story-1");
    assert!(
        traceparent.contains(trace_id) && !traceparent.contains("00f067aa0ba902b7"),
        "{traceparent}"
    );
    for hostile in ["<script>", "a b", &"x".repeat(1000), ""] {
        let (correlation, traceparent) = ask(hostile, hostile).await;
        assert!(correlation != hostile && correlation.len() == 36, "{correlation}");
        assert_eq!(traceparent.len(), 55);
    }
}

#[tokio::test]
async fn a_response_reveals_no_internals() {
    let gateway = TestGateway::new().await;
    let answer = gateway.client.get(gateway.url("/api/products")).send().await.unwrap();
    for name in ["server", "x-powered-by", "x-user-id"] {
        assert!(!answer.headers().contains_key(name), "{name}");
    }
    assert_eq!(answer.headers()["x-kept"], "yes");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), answer_json());
    // An error that no service wrote a problem for becomes one, without its text.
    let broken = gateway
        .client
        .get(gateway.url("/api/products/broken"))
        .send()
        .await
        .unwrap();
    assert!(!problem(broken, 500).await.to_string().contains("secret.rs"));
}

#[tokio::test]
async fn the_client_address_comes_from_a_trusted_proxy() {
    let gateway = TestGateway::with(Options {
        trusted_proxies: "127.0.0.1",
        client_address: "127.0.0.1".to_owned(),
        ..Options::default()
    })
    .await;
    let request = gateway
        .client
        .get(gateway.url("/api/products"))
        .header("x-forwarded-for", "6.6.6.6, 9.9.9.9");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(gateway.stub.last().headers["x-forwarded-for"], "9.9.9.9");
}
