//! Who may see a payment.

use crate::support::{World, owner_of};
use reqwest::Method;
use serde_json::Value;
use shared::{id, identity::Role};

#[tokio::test]
async fn a_payment_is_shown_to_its_owner_and_to_admins() {
    let mut world = World::new().await;
    let order_id = world.place("pm_declined").await;
    world.probe.wait_for("payment.failed", order_id).await;
    let path = format!("/api/payments/{order_id}");

    let owner = world.bed.identity(owner_of(order_id), Role::Customer);
    let admin = world.bed.identity(id::new(), Role::Admin);
    for identity in [owner, admin] {
        let payment: Value = world
            .service
            .get(&path, &identity)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(payment["orderId"], order_id.to_string());
        assert_eq!(payment["status"], "declined");
        assert_eq!(payment["reason"], "card_declined");
        assert_eq!(payment["amountMinor"], 5998);
        assert_eq!(payment["currency"], "USD");
        assert!(payment.get("userId").is_none());
    }
}

#[tokio::test]
async fn everybody_else_is_refused() {
    let mut world = World::new().await;
    let order_id = world.place("pm_ok").await;
    world.probe.wait_for("payment.completed", order_id).await;
    let path = format!("/api/payments/{order_id}");
    let unknown = format!("/api/payments/{}", id::new());
    let stranger = world.bed.identity(id::new(), Role::Customer);
    let requests = [
        (world.service.get(&path, &stranger), 404),
        (world.service.get(&unknown, &stranger), 404),
        (world.service.get("/api/payments/7", &stranger), 400),
        (world.service.request(Method::GET, &path), 401),
        (
            world
                .service
                .request(Method::GET, &path)
                .header("X-User-Id", owner_of(order_id).to_string()),
            401,
        ),
        (world.service.get(&path, "forged.token.here"), 401),
        (world.service.post(&path, &stranger), 405),
    ];
    for (request, status) in requests {
        let answer = request.send().await.unwrap();
        let url = answer.url().path().to_owned();
        assert_eq!(answer.status().as_u16(), status, "{url}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{url}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status, "{url}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "{url}: {problem}"
        );
    }
}
