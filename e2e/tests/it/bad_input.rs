//! Wrong input to every endpoint is a 4xx problem that says what is wrong.

use crate::stage::{HOUSE_BLEND, Stage, must};
use e2e::{answer::Answer, shopper::Shopper};
use reqwest::Method;
use serde_json::{Value, json};

const NOBODY: &str = "01900000-0000-7000-8000-00000000ffff";

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_says_what_is_wrong() {
    let stage = Stage::open().await;
    let shopper = stage.shopper().await;
    let admin = &stage.admin.session;
    for (method, path, bodies) in of_customers() {
        refuses(&shopper, &method, &path, &bodies).await;
    }
    for (method, path, bodies) in of_administrators() {
        refuses(admin, &method, &path, &bodies).await;
        let forbidden = Answer::patiently(&path, shopper.request(method, &path).json(&bodies[0])).await;
        assert_eq!(must(forbidden).status, 403, "{path} is not for customers");
    }
}

type Case = (Method, String, Vec<Value>);

fn of_customers() -> Vec<Case> {
    let order = |items: Value| json!({ "items": items, "paymentMethod": "pm_ok" });
    let line = |quantity: Value| json!([{ "productId": HOUSE_BLEND, "quantity": quantity }]);
    let user = |email: &str, password: &str| json!({ "email": email, "name": "N", "password": password });
    vec![
        (
            Method::POST,
            "/api/users".into(),
            vec![
                json!({}),
                user("not an address", "long enough it is"),
                user("a@example.org", "short"),
                json!({ "email": "a@example.org", "name": "N", "password": "long enough it is", "role": "admin" }),
            ],
        ),
        (
            Method::POST,
            "/api/auth/login".into(),
            vec![
                json!({}),
                json!({ "email": 1 }),
                json!({ "email": "a@b.c", "password": "wrong" }),
            ],
        ),
        (
            Method::POST,
            "/api/auth/refresh".into(),
            vec![json!({}), json!({ "refreshToken": "nonsense" })],
        ),
        (
            Method::PATCH,
            "/api/users/me".into(),
            vec![json!({ "email": "nonsense" }), json!({ "role": "admin" }), json!([])],
        ),
        (Method::GET, format!("/api/users/{NOBODY}"), vec![Value::Null]),
        (Method::GET, "/api/users/nonsense".into(), vec![Value::Null]),
        (Method::GET, "/api/products?limit=0".into(), vec![Value::Null]),
        (Method::GET, "/api/products?cursor=nonsense".into(), vec![Value::Null]),
        (Method::GET, "/api/products?ids=nonsense".into(), vec![Value::Null]),
        (Method::GET, format!("/api/products/{NOBODY}"), vec![Value::Null]),
        (
            Method::POST,
            "/api/orders".into(),
            vec![
                json!({}),
                json!("text"),
                order(json!([])),
                order(line(json!(0))),
                order(line(json!(-1))),
                order(line(json!(1.5))),
                order(line(json!(4_294_967_296_i64))),
                order(json!([{ "productId": NOBODY, "quantity": 1 }])),
                order(json!([{ "productId": "nonsense", "quantity": 1 }])),
                json!({ "items": line(json!(1)), "paymentMethod": "" }),
            ],
        ),
        (Method::GET, "/api/orders?limit=1000".into(), vec![Value::Null]),
        (Method::GET, format!("/api/orders/{NOBODY}"), vec![Value::Null]),
        (Method::GET, "/api/orders/nonsense".into(), vec![Value::Null]),
        (Method::GET, format!("/api/orders/{NOBODY}/timeline"), vec![Value::Null]),
        (Method::POST, format!("/api/orders/{NOBODY}/cancel"), vec![Value::Null]),
        (
            Method::GET,
            "/api/notifications?cursor=nonsense".into(),
            vec![Value::Null],
        ),
        (
            Method::POST,
            format!("/api/notifications/{NOBODY}/read"),
            vec![Value::Null],
        ),
        (Method::GET, format!("/api/payments/{NOBODY}"), vec![Value::Null]),
        (Method::GET, "/api/nothing".into(), vec![Value::Null]),
        (Method::DELETE, "/api/orders".into(), vec![Value::Null]),
    ]
}

fn of_administrators() -> Vec<Case> {
    let product =
        |price: i64, stock: i64| json!({ "name": "N", "priceMinor": price, "currency": "USD", "stock": stock });
    vec![
        (
            Method::POST,
            "/api/products".into(),
            vec![
                json!({}),
                product(0, 1),
                product(-5, 1),
                product(5, -1),
                json!({ "name": "", "priceMinor": 5, "currency": "usd", "stock": 1 }),
            ],
        ),
        (
            Method::PATCH,
            format!("/api/products/{NOBODY}"),
            vec![json!({ "priceMinor": 5 }), json!({ "nonsense": 1 })],
        ),
        (Method::POST, format!("/api/orders/{NOBODY}/ship"), vec![Value::Null]),
        (Method::POST, format!("/api/orders/{NOBODY}/deliver"), vec![Value::Null]),
        (
            Method::GET,
            "/api/analytics/timelines/nonsense".into(),
            vec![Value::Null],
        ),
        (
            Method::GET,
            "/api/analytics/counters?day=nonsense".into(),
            vec![Value::Null],
        ),
    ]
}

async fn refuses(who: &Shopper, method: &Method, path: &str, bodies: &[Value]) {
    for body in bodies {
        let mut request = who.request(method.clone(), path);
        if path == "/api/orders" && *method == Method::POST {
            request = request.header("Idempotency-Key", uuid::Uuid::now_v7().to_string());
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = must(Answer::patiently(path, request).await);
        let case = format!("{method} {path} {body}: {} {}", answer.status, answer.body);
        assert!(answer.status.is_client_error(), "{case}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{case}");
        let problem = answer.value();
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
            "it must say what is wrong: {case}"
        );
        assert!(problem["correlationId"].is_string(), "{case}");
    }
}
