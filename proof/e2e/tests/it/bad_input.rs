//! Bad input to every endpoint is refused by a 4xx problem document that explains it.

use crate::fixture::{Fixture, expect_ok};
use platform_client::{answer::Answer, catalogue::HOUSE_BLEND, client::TestClient, id};
use reqwest::Method;
use serde_json::{Value, json};

const UNKNOWN_ID: &str = "01900000-0000-7000-8000-00000000ffff";

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_explains_a_bad_request() {
    let fixture = Fixture::open().await;
    let customer = fixture.customer().await;
    let admin = &fixture.admin.session;
    for (method, path, bodies) in of_customers() {
        refuses(&customer, &method, &path, &bodies).await;
    }
    for (method, path, bodies) in of_administrators() {
        refuses(admin, &method, &path, &bodies).await;
        let forbidden = Answer::patiently(customer.request(method, &path).json(&bodies[0])).await;
        assert_eq!(expect_ok(forbidden).status, 403, "{path} is not for customers");
    }
}

type Case = (Method, String, Vec<Value>);

fn case(method: Method, path: impl Into<String>, bodies: impl Into<Vec<Value>>) -> Case {
    (method, path.into(), bodies.into())
}

fn without_body(method: Method, path: impl Into<String>) -> Case {
    case(method, path, [Value::Null])
}

fn of_customers() -> Vec<Case> {
    [accounts(), catalogue(), orders(), the_rest()].concat()
}

fn accounts() -> Vec<Case> {
    let user = |email: &str, password: &str| json!({ "email": email, "name": "N", "password": password });
    let self_made_admin =
        json!({ "email": "a@example.org", "name": "N", "password": "long enough it is", "role": "admin" });
    let sign_up = [
        json!({}),
        user("not an address", "long enough it is"),
        user("a@example.org", "short"),
        self_made_admin,
    ];
    let log_in = [
        json!({}),
        json!({ "email": 1 }),
        json!({ "email": "a@b.c", "password": "wrong" }),
    ];
    let change = [json!({ "email": "nonsense" }), json!({ "role": "admin" }), json!([])];
    vec![
        case(Method::POST, "/api/users", sign_up),
        case(Method::POST, "/api/auth/login", log_in),
        case(
            Method::POST,
            "/api/auth/refresh",
            [json!({}), json!({ "refreshToken": "nonsense" })],
        ),
        case(Method::PATCH, "/api/users/me", change),
        without_body(Method::GET, format!("/api/users/{UNKNOWN_ID}")),
        without_body(Method::GET, "/api/users/nonsense"),
    ]
}

fn catalogue() -> Vec<Case> {
    vec![
        without_body(Method::GET, "/api/products?limit=0"),
        without_body(Method::GET, "/api/products?cursor=nonsense"),
        without_body(Method::GET, "/api/products?ids=nonsense"),
        without_body(Method::GET, format!("/api/products/{UNKNOWN_ID}")),
    ]
}

fn orders() -> Vec<Case> {
    let order = |items: Value| json!({ "items": items, "paymentMethod": "pm_ok" });
    let line = |quantity: Value| json!([{ "productId": HOUSE_BLEND, "quantity": quantity }]);
    let placed = [
        json!({}),
        json!("text"),
        order(json!([])),
        order(line(json!(0))),
        order(line(json!(-1))),
        order(line(json!(1.5))),
        order(line(json!(4_294_967_296_i64))),
        order(json!([{ "productId": UNKNOWN_ID, "quantity": 1 }])),
        order(json!([{ "productId": "nonsense", "quantity": 1 }])),
        json!({ "items": line(json!(1)), "paymentMethod": "" }),
    ];
    vec![
        case(Method::POST, "/api/orders", placed),
        without_body(Method::GET, "/api/orders?limit=1000"),
        without_body(Method::GET, format!("/api/orders/{UNKNOWN_ID}")),
        without_body(Method::GET, "/api/orders/nonsense"),
        without_body(Method::GET, format!("/api/orders/{UNKNOWN_ID}/timeline")),
        without_body(Method::POST, format!("/api/orders/{UNKNOWN_ID}/cancel")),
        without_body(Method::DELETE, "/api/orders"),
    ]
}

fn the_rest() -> Vec<Case> {
    vec![
        without_body(Method::GET, "/api/notifications?cursor=nonsense"),
        without_body(Method::POST, format!("/api/notifications/{UNKNOWN_ID}/read")),
        without_body(Method::GET, format!("/api/payments/{UNKNOWN_ID}")),
        without_body(Method::GET, "/api/nothing"),
    ]
}

fn of_administrators() -> Vec<Case> {
    let product =
        |price: i64, stock: i64| json!({ "name": "N", "priceMinor": price, "currency": "USD", "stock": stock });
    let created = [
        json!({}),
        product(0, 1),
        product(-5, 1),
        product(5, -1),
        json!({ "name": "", "priceMinor": 5, "currency": "usd", "stock": 1 }),
    ];
    vec![
        case(Method::POST, "/api/products", created),
        case(
            Method::PATCH,
            format!("/api/products/{UNKNOWN_ID}"),
            [json!({ "priceMinor": 5 }), json!({ "nonsense": 1 })],
        ),
        without_body(Method::POST, format!("/api/orders/{UNKNOWN_ID}/ship")),
        without_body(Method::POST, format!("/api/orders/{UNKNOWN_ID}/deliver")),
        without_body(Method::GET, "/api/analytics/timelines/nonsense"),
        without_body(Method::GET, "/api/analytics/counters?day=nonsense"),
    ]
}

async fn refuses(client: &TestClient, method: &Method, path: &str, bodies: &[Value]) {
    for body in bodies {
        let mut request = client.request(method.clone(), path);
        if path == "/api/orders" && *method == Method::POST {
            request = request.header("Idempotency-Key", id::new().to_string());
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = expect_ok(Answer::patiently(request).await);
        let case = format!("{method} {path} {body}: {} {}", answer.status, answer.body);
        assert!(answer.status.is_client_error(), "{case}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{case}");
        let problem = answer.value();
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
            "the problem must be explained: {case}"
        );
        assert!(problem["correlationId"].is_string(), "{case}");
    }
}
