//! `POST /api/orders`: what is accepted, what is refused and how.

use crate::fixture::{Fixture, problem};
use http_client::{ClientConfig, ResilientHttpClient};
use kernel::context::Context;
use serde_json::{Value, json};
use std::time::Duration;
use web::identity::{Identity, Role};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_an_order_at_the_catalogues_prices() {
    let mut fixture = Fixture::new().await;
    let (user_id, identity) = fixture.customer();
    let other = fixture.upstreams.product(5, "USD", true);
    let body = json!({ "paymentMethod": "pm_ok", "items": [
        { "productId": fixture.product, "quantity": 1 },
        { "productId": other, "quantity": 3 },
        { "productId": fixture.product, "quantity": 1 },
    ]});
    let answer = fixture.post_order(&identity, "k", &body).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(answer.headers()["etag"], "\"1\"");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let order: Value = answer.json().await.unwrap();
    assert_eq!(location, format!("/api/orders/{}", order["id"].as_str().unwrap()));
    let items = json!([
        { "productId": fixture.product, "quantity": 2, "unitPriceMinor": 2999 },
        { "productId": other, "quantity": 3, "unitPriceMinor": 5 },
    ]);
    let expected = json!({ "id": order["id"], "userId": user_id, "status": "placed", "payment": "none", "stock": "none",
        "compensation": "none", "items": items, "totalMinor": 6013, "currency": "USD", "paymentMethod": "pm_ok",
        "placedAt": order["placedAt"], "updatedAt": order["updatedAt"] });
    assert_eq!(order, expected);
    let read: Value = fixture
        .service
        .get(&location, &identity)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(read, expected);

    let event = fixture
        .probe
        .wait_for("order.placed", order["id"].as_str().unwrap().parse().unwrap())
        .await;
    let data = json!({ "orderId": order["id"], "userId": user_id, "status": "placed", "items": items,
        "totalMinor": 6013, "currency": "USD", "paymentMethod": "pm_ok" });
    assert_eq!(event.data, data);
    // The lookup at user-service carries the caller's own identity.
    assert_eq!(fixture.upstreams.user_calls(), [Some(identity)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_correlation_id_of_the_request_reaches_every_event_of_the_saga() {
    let mut fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let request = fixture.service.post("/api/orders", &identity).json(&fixture.request());
    let request = request
        .header("Idempotency-Key", "k")
        .header("X-Correlation-Id", "the-story");
    let order: Value = request.send().await.unwrap().json().await.unwrap();
    let id = order["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        fixture.probe.wait_for("order.placed", id).await.metadata.correlation_id,
        "the-story"
    );
    let path = format!("/api/orders/{id}/cancel");
    let cancel = fixture
        .service
        .post(&path, &identity)
        .header("X-Correlation-Id", "another-request");
    assert_eq!(cancel.send().await.unwrap().status(), 200);
    let cancelled = fixture.probe.wait_for("order.cancelled", id).await.metadata;
    assert_eq!(
        (cancelled.correlation_id.as_str(), cancelled.causation_id.as_str()),
        ("the-story", "another-request")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_requests_are_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let id = fixture.product;
    let items = |items: Value| json!({ "items": items, "paymentMethod": "pm_ok" });
    let quantity = |quantity: Value| items(json!([{ "productId": id, "quantity": quantity }]));
    let method = |method: &str| json!({ "items": [{ "productId": id, "quantity": 1 }], "paymentMethod": method });
    let many: Vec<Value> = (0..51)
        .map(|_| json!({ "productId": kernel::id::new(), "quantity": 1 }))
        .collect();
    let bad = [
        items(json!([])),
        items(json!(many)),
        items(json!("none")),
        items(json!([{ "productId": "1", "quantity": 1 }])),
        items(json!([{ "quantity": 1 }])),
        items(json!([{ "productId": id, "quantity": 600 }, { "productId": id, "quantity": 401 }])),
        items(json!([{ "productId": id, "quantity": 1, "unitPriceMinor": 1 }])),
        quantity(json!(0)),
        quantity(json!(-1)),
        quantity(json!(1.5)),
        quantity(json!("1")),
        quantity(json!(1001)),
        quantity(json!(2_147_483_648_u64)),
        quantity(json!(18_446_744_073_709_551_615_u64)),
        quantity(json!(null)),
        method(""),
        method("PM OK"),
        method(&"x".repeat(65)),
        json!({ "items": [{ "productId": id, "quantity": 1 }] }),
        json!({ "items": [{ "productId": id, "quantity": 1 }], "paymentMethod": "pm_ok", "totalMinor": 1 }),
        json!([]),
        json!(null),
    ];
    for body in bad {
        problem(fixture.post_order(&identity, "k", &body).await, 400).await;
    }
    let orders: i64 = sqlx::query_scalar("select count(*) from orders")
        .fetch_one(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(orders, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_oversized_and_non_json_bodies_are_refused() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let post = || {
        fixture
            .service
            .post("/api/orders", &identity)
            .header("Idempotency-Key", "k")
    };
    let json = "application/json";
    problem(post().header("content-type", json).body("{").send().await.unwrap(), 400).await;
    problem(post().header("content-type", json).body("").send().await.unwrap(), 400).await;
    problem(
        post()
            .header("content-type", json)
            .body(vec![0xff, 0xfe])
            .send()
            .await
            .unwrap(),
        400,
    )
    .await;
    problem(post().body("items").send().await.unwrap(), 415).await;
    problem(
        post()
            .header("content-type", json)
            .body(" ".repeat(40 * 1024))
            .send()
            .await
            .unwrap(),
        413,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_or_invalid_idempotency_key_is_refused() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let post = || fixture.service.post("/api/orders", &identity).json(&fixture.request());
    let missing = problem(post().send().await.unwrap(), 400).await;
    assert_eq!(missing["code"], "idempotency-key-invalid");
    for key in [String::new(), "a b".to_owned(), "x".repeat(256), "x".repeat(10_000)] {
        problem(post().header("Idempotency-Key", key).send().await.unwrap(), 400).await;
    }
    let twice = post().header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    problem(twice.send().await.unwrap(), 400).await;
    assert_eq!(
        post()
            .header("Idempotency-Key", "x".repeat(255))
            .send()
            .await
            .unwrap()
            .status(),
        201
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_without_a_valid_identity_is_refused() {
    let fixture = Fixture::new().await;
    let (user_id, identity) = fixture.customer();
    let path = "/api/orders";
    let post = || {
        fixture
            .service
            .request(reqwest::Method::POST, path)
            .header("Idempotency-Key", "k")
            .json(&fixture.request())
    };
    problem(post().send().await.unwrap(), 401).await;
    problem(
        post()
            .header("X-User-Id", user_id.to_string())
            .header("X-User-Role", "admin")
            .send()
            .await
            .unwrap(),
        401,
    )
    .await;
    let forged = format!("{}AAAA", &identity[..identity.len() - 4]);
    problem(post().header("X-Identity", forged).send().await.unwrap(), 401).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_the_catalogue_cannot_price_is_refused() {
    let fixture = Fixture::new().await;
    let (_, identity) = fixture.customer();
    let unknown = kernel::id::new();
    let inactive = fixture.upstreams.product(100, "USD", false);
    let euro = fixture.upstreams.product(100, "EUR", true);
    let dear = fixture.upstreams.product(i64::MAX / 2, "USD", true);
    let order = |ids: &[uuid::Uuid]| {
        let items: Vec<_> = ids.iter().map(|id| json!({ "productId": id, "quantity": 3 })).collect();
        json!({ "items": items, "paymentMethod": "pm_ok" })
    };
    let refused = problem(
        fixture
            .post_order(&identity, "a", &order(&[fixture.product, unknown, inactive]))
            .await,
        422,
    )
    .await;
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains(&unknown.to_string()) && detail.contains(&inactive.to_string()),
        "{detail}"
    );
    assert!(!detail.contains(&fixture.product.to_string()), "{detail}");
    let refused = problem(
        fixture
            .post_order(&identity, "b", &order(&[fixture.product, euro]))
            .await,
        422,
    )
    .await;
    assert_eq!(refused["code"], "currencies-mixed");
    let refused = problem(fixture.post_order(&identity, "c", &order(&[dear])).await, 422).await;
    assert_eq!(refused["code"], "total-too-large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_an_unknown_user_is_refused() {
    let fixture = Fixture::new().await;
    let (user_id, identity) = fixture.customer();
    fixture.upstreams.forget_user(user_id);
    let refused = problem(fixture.post_order(&identity, "k", &fixture.request()).await, 403).await;
    assert_eq!(refused["code"], "user-unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cached_user_can_order_while_user_service_is_unavailable() {
    let mut fixture = Fixture::new().await;
    let seen = fixture.place().await;
    fixture.upstreams.users_unavailable(true);
    assert_eq!(
        fixture
            .post_order(&seen.identity, "again", &fixture.request())
            .await
            .status(),
        201
    );
    let (_, stranger) = fixture.customer();
    let answer = fixture.post_order(&stranger, "k", &fixture.request()).await;
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503).await;
}

/// The same with an answer that is too old, without waiting for 60 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_user_lookup_is_not_used() {
    let fixture = Fixture::new().await;
    let client = ResilientHttpClient::new(ClientConfig::new(
        "user-service",
        fixture.config.user_service_url.clone(),
    ));
    let stale_max = Duration::from_millis(300);
    let users = order_service::users::Users::new(client, stale_max);
    let (user_id, token) = fixture.customer();
    let caller = Identity {
        user_id,
        email: String::new(),
        role: Role::Customer,
        token,
    };
    users.check(&Context::new(), &caller).await.unwrap();
    let told_at = tokio::time::Instant::now();
    fixture.upstreams.users_unavailable(true);
    testkit::eventually("the answer to be too old", || async {
        let refusal = users.check(&Context::new(), &caller).await.err()?;
        assert!(
            matches!(refusal, order_service::users::UserRefusal::Unavailable(_)),
            "{refusal}"
        );
        Some(())
    })
    .await;
    assert!(told_at.elapsed() >= stale_max, "refused although the answer was fresh");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_refused_while_prices_are_unavailable() {
    let mut fixture = Fixture::new().await;
    let placed = fixture.place().await;
    fixture.upstreams.products_unavailable(true);
    let answer = fixture.post_order(&placed.identity, "k", &fixture.request()).await;
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503).await;
    let breakers = &fixture.service.status().await["breakers"];
    assert!(breakers.to_string().contains("product-service"), "{breakers}");
}
