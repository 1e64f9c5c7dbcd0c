//! The catalogue's routes: what they show, who may change it, and how they refuse.

use crate::support::{CUP, DRIPPER, LAST_PIECE, SOLD_OUT, World};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::{
    id,
    identity::{IDENTITY_HEADER, Role},
};

async fn get(world: &World, path: &str) -> Value {
    let answer = world.service.request(Method::GET, path).send().await.unwrap();
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
    let answer = request.send().await.unwrap();
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
async fn anyone_can_browse_page_by_page() {
    let world = World::new().await;
    let mut seen = Vec::new();
    let mut path = "/api/products?limit=5".to_owned();
    loop {
        let page = get(&world, &path).await;
        seen.extend(ids(&page));
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        assert_eq!(page["items"].as_array().unwrap().len(), 5);
        path = format!("/api/products?limit=5&cursor={cursor}");
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.is_sorted_by(|first, second| first < second), "{seen:?}");
    assert!(get(&world, "/api/products?limit=12").await["nextCursor"].is_null());
    assert_eq!(ids(&get(&world, "/api/products").await).len(), 12);
}

#[tokio::test]
async fn a_batch_leaves_out_what_is_unknown() {
    let world = World::new().await;
    let batch = get(&world, &format!("/api/products?ids={DRIPPER},{},{CUP}", id::new())).await;
    assert_eq!(ids(&batch), [CUP.to_string(), DRIPPER.to_string()]);
    assert!(batch["nextCursor"].is_null());
    let cup = get(&world, &format!("/api/products/{CUP}")).await;
    assert_eq!(batch["items"][0], cup);
    assert_eq!((&cup["priceMinor"], &cup["currency"]), (&json!(1290), &json!("USD")));
    assert_eq!((&cup["available"], &cup["active"]), (&json!(5000), &json!(true)));
}

#[tokio::test]
async fn an_admin_adds_and_changes_products() {
    let world = World::new().await;
    let admin = world.bed.identity(id::new(), Role::Admin);
    let new = json!({ "name": "Saucer", "priceMinor": 650, "currency": "EUR", "stock": 7 });
    let answer = world
        .service
        .post("/api/products", &admin)
        .json(&new)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let path = answer.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = answer.json().await.unwrap();
    assert_eq!((&created["name"], &created["available"]), (&json!("Saucer"), &json!(7)));
    assert_eq!(get(&world, &path).await, created);

    let change = |body: Value| {
        world
            .service
            .request(Method::PATCH, &path)
            .header(IDENTITY_HEADER, &admin)
            .json(&body)
            .send()
    };
    let changed: Value = change(json!({ "priceMinor": 700, "stockDelta": -3 }))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&changed["priceMinor"], &changed["available"]),
        (&json!(700), &json!(4))
    );
    assert_eq!(changed["name"], "Saucer");
    assert_eq!(change(json!({ "active": false })).await.unwrap().status(), 200);
    let listed = get(&world, "/api/products?limit=100").await;
    assert!(!ids(&listed).contains(&created["id"].as_str().unwrap().to_owned()));
    assert_eq!(get(&world, &path).await["active"], false);
    world.assert_stock_adds_up().await;
}

#[tokio::test]
async fn others_change_nothing() {
    let world = World::new().await;
    let customer = world.bed.identity(id::new(), Role::Customer);
    let body = json!({ "name": "Free cup", "priceMinor": 1, "currency": "USD" });
    assert_refused(world.service.post("/api/products", &customer).json(&body), 403, "").await;
    assert_refused(
        world.service.request(Method::POST, "/api/products").json(&body),
        401,
        "",
    )
    .await;
    let forged = world
        .service
        .request(Method::POST, "/api/products")
        .header("X-User-Role", "admin")
        .json(&body);
    assert_refused(forged, 401, "").await;
    let path = format!("/api/products/{CUP}");
    let request = world
        .service
        .request(Method::PATCH, &path)
        .json(&json!({ "priceMinor": 1 }));
    assert_refused(request.header(IDENTITY_HEADER, &customer), 403, "").await;
    assert_eq!(get(&world, &path).await["priceMinor"], 1290);
}

#[tokio::test]
async fn bad_queries_are_refused_and_say_why() {
    let world = World::new().await;
    let read = |path: &str| world.service.request(Method::GET, path);
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
        assert_refused(read(path), status, hint).await;
    }
    let many = vec![CUP.to_string(); 101].join(",");
    assert_refused(read(&format!("/api/products?ids={many}")), 400, "at most 100").await;
}

#[tokio::test]
async fn bad_bodies_are_refused_and_say_why() {
    let world = World::new().await;
    let admin = world.bed.identity(id::new(), Role::Admin);
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
        assert_refused(world.service.post("/api/products", &admin).json(&body), 400, hint).await;
    }
    let text = world.service.post("/api/products", &admin).body("{}");
    assert_refused(text, 415, "application/json").await;

    let patch = |product: uuid::Uuid, body: Value| {
        let path = format!("/api/products/{product}");
        world
            .service
            .request(Method::PATCH, &path)
            .header(IDENTITY_HEADER, &admin)
            .json(&body)
    };
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
    assert_eq!(ids(&get(&world, "/api/products").await).len(), 12);
}
