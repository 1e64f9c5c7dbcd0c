//! The catalogue's routes: content, access and refusals.

use crate::fixture::{CUP, DRIPPER, Fixture, LAST_PIECE, SOLD_OUT};
use kernel::id;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;
use web::identity::Role;

async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

async fn get(fixture: &Fixture, path: &str) -> Value {
    let answer = send(fixture.get(path)).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

fn ids(page: &Value) -> Vec<String> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|product| product["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn assert_refused(request: RequestBuilder, status: u16, hint: &str) {
    let answer = send(request).await;
    let url = answer.url().to_string();
    assert_eq!(answer.status().as_u16(), status, "{url} {hint}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{url}");
    let problem: Value = answer.json().await.unwrap();
    assert!(
        problem["detail"].as_str().is_some_and(|detail| detail.contains(hint)),
        "{url}: {hint}? {problem}"
    );
}

#[tokio::test]
async fn the_catalogue_is_public_and_paged() {
    let fixture = Fixture::new().await;
    let mut seen = Vec::new();
    let mut path = "/api/products?limit=5".to_owned();
    loop {
        let page = get(&fixture, &path).await;
        seen.extend(ids(&page));
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        assert_eq!(page["items"].as_array().unwrap().len(), 5);
        path = format!("/api/products?limit=5&cursor={cursor}");
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.is_sorted_by(|first, second| first < second), "{seen:?}");
    assert!(get(&fixture, "/api/products?limit=12").await["nextCursor"].is_null());
    assert_eq!(ids(&get(&fixture, "/api/products").await).len(), 12);
}

#[tokio::test]
async fn a_batch_leaves_out_unknown_products() {
    let fixture = Fixture::new().await;
    let batch = get(&fixture, &format!("/api/products?ids={DRIPPER},{},{CUP}", id::new())).await;
    assert_eq!(ids(&batch), [CUP.to_string(), DRIPPER.to_string()]);
    assert!(batch["nextCursor"].is_null());
    let cup = get(&fixture, &format!("/api/products/{CUP}")).await;
    assert_eq!(batch["items"][0], cup);
    assert_eq!((&cup["priceMinor"], &cup["currency"]), (&json!(1290), &json!("USD")));
    assert_eq!((&cup["available"], &cup["active"]), (&json!(5000), &json!(true)));
}

#[tokio::test]
async fn an_admin_adds_changes_and_deactivates_a_product() {
    let fixture = Fixture::new().await;
    let admin = fixture.env.identity(id::new(), Role::Admin);
    let new = json!({ "name": "Saucer", "priceMinor": 650, "currency": "EUR", "stock": 7 });
    let answer = send(fixture.service.post("/api/products", &admin).json(&new)).await;
    assert_eq!(answer.status(), 201);
    let path = answer.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = answer.json().await.unwrap();
    assert_eq!((&created["name"], &created["available"]), (&json!("Saucer"), &json!(7)));
    assert_eq!(get(&fixture, &path).await, created);

    let id: Uuid = created["id"].as_str().unwrap().parse().unwrap();
    let change = |body: Value| send(fixture.patch(id, &admin, &body));
    let answer = change(json!({ "priceMinor": 700, "stockDelta": -3 })).await;
    let changed: Value = answer.json().await.unwrap();
    assert_eq!(
        (&changed["priceMinor"], &changed["available"]),
        (&json!(700), &json!(4))
    );
    assert_eq!(changed["name"], "Saucer");
    assert_eq!(change(json!({ "active": false })).await.status(), 200);
    let listed = get(&fixture, "/api/products?limit=100").await;
    assert!(!ids(&listed).contains(&id.to_string()));
    assert_eq!(get(&fixture, &path).await["active"], false);
    fixture.assert_stock_adds_up().await;
}

#[tokio::test]
async fn only_admins_change_the_catalogue() {
    let fixture = Fixture::new().await;
    let customer = fixture.env.identity(id::new(), Role::Customer);
    let body = json!({ "name": "Free cup", "priceMinor": 1, "currency": "USD" });
    assert_refused(fixture.service.post("/api/products", &customer).json(&body), 403, "").await;
    let anonymous = || fixture.service.request(Method::POST, "/api/products").json(&body);
    assert_refused(anonymous(), 401, "").await;
    assert_refused(anonymous().header("X-User-Role", "admin"), 401, "").await;
    assert_refused(fixture.patch(CUP, &customer, &json!({ "priceMinor": 1 })), 403, "").await;
    let cup = get(&fixture, &format!("/api/products/{CUP}")).await;
    assert_eq!(cup["priceMinor"], 1290);
}

#[tokio::test]
async fn invalid_queries_are_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    for (path, status, hint) in [
        ("/api/products?limit=0", 400, "between 1 and 100"),
        ("/api/products?limit=many", 400, "limit"),
        ("/api/products?cursor=7", 400, "cursor"),
        ("/api/products?ids=7", 400, "product ids"),
        ("/api/products?page=2", 400, "page"),
        ("/api/products/7", 400, ""),
        (
            "/api/products/01900000-0000-7000-8000-000000000099",
            404,
            "no such product",
        ),
    ] {
        assert_refused(fixture.get(path), status, hint).await;
    }
    let many = vec![CUP.to_string(); 101].join(",");
    assert_refused(fixture.get(&format!("/api/products?ids={many}")), 400, "at most 100").await;
}

#[tokio::test]
async fn invalid_bodies_are_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    let admin = fixture.env.identity(id::new(), Role::Admin);
    let good = json!({ "name": "Saucer", "priceMinor": 650, "currency": "EUR" });
    for (field, value, hint) in [
        ("name", json!(""), "name"),
        ("name", json!(7), "name"),
        ("priceMinor", json!(0), "priceMinor"),
        ("priceMinor", json!(9.99), "priceMinor"),
        ("currency", json!("euro"), "ISO 4217"),
        ("stock", json!(-1), "stock"),
        ("colour", json!("red"), "colour"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_refused(fixture.service.post("/api/products", &admin).json(&body), 400, hint).await;
    }
    let text = fixture.service.post("/api/products", &admin).body("{}");
    assert_refused(text, 415, "application/json").await;

    let patch = |product_id: Uuid, body: Value| fixture.patch(product_id, &admin, &body);
    assert_refused(patch(CUP, json!({})), 400, "at least one").await;
    assert_refused(patch(CUP, json!({ "stock": 5 })), 400, "stock").await;
    assert_refused(patch(CUP, json!({ "stockDelta": 0 })), 400, "stockDelta").await;
    assert_refused(patch(LAST_PIECE, json!({ "stockDelta": -2 })), 409, "fewer pieces").await;
    assert_refused(
        patch(SOLD_OUT, json!({ "stockDelta": -1, "priceMinor": 1 })),
        409,
        "fewer pieces",
    )
    .await;
    assert_refused(patch(id::new(), json!({ "active": true })), 404, "no such product").await;
    assert_eq!(ids(&get(&fixture, "/api/products").await).len(), 12);
}

/// What an operator mends is not the client's to give up on.
#[tokio::test]
async fn a_missing_table_is_answered_as_an_outage() {
    let fixture = Fixture::new().await;
    sqlx::query("alter table products rename to products_gone")
        .execute(&fixture.service.database)
        .await
        .unwrap();
    let answer = send(fixture.get("/api/products")).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "2");
    sqlx::query("alter table products_gone rename to products")
        .execute(&fixture.service.database)
        .await
        .unwrap();
    assert_eq!(
        get(&fixture, "/api/products").await["items"].as_array().unwrap().len(),
        12
    );
}
