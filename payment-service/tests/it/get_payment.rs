//! Access to a payment over HTTP.

use crate::fixture::{Fixture, owner_of};
use kernel::id;
use reqwest::Method;
use serde_json::Value;
use web::identity::Role;

#[tokio::test]
async fn a_payment_is_shown_to_its_owner_and_to_admins() {
    let mut fixture = Fixture::new().await;
    let order_id = fixture.place_order("pm_declined").await;
    fixture.wait_for("payment.failed", order_id).await;

    let owner = fixture.env.identity(owner_of(order_id), Role::Customer);
    let admin = fixture.env.identity(id::new(), Role::Admin);
    for identity in [owner, admin] {
        let payment = fixture.payment(order_id, &identity).await;
        assert_eq!(payment["orderId"], order_id.to_string());
        assert_eq!(payment["status"], "declined");
        assert_eq!(payment["reason"], "card_declined");
        assert_eq!(payment["amountMinor"], 5998);
        assert_eq!(payment["currency"], "USD");
        assert!(payment.get("userId").is_none());
    }
}

#[tokio::test]
async fn other_callers_and_malformed_requests_get_a_problem() {
    let mut fixture = Fixture::new().await;
    let order_id = fixture.place_order("pm_ok").await;
    fixture.wait_for("payment.completed", order_id).await;
    let path = format!("/api/payments/{order_id}");
    let unknown = format!("/api/payments/{}", id::new());
    let stranger = fixture.env.identity(id::new(), Role::Customer);
    let service = &fixture.service;
    let anonymous = || service.request(Method::GET, &path);
    let requests = [
        (service.get(&path, &stranger), 404),
        (service.get(&unknown, &stranger), 404),
        (service.get("/api/payments/7", &stranger), 400),
        (anonymous(), 401),
        (anonymous().header("X-User-Id", owner_of(order_id).to_string()), 401),
        (service.get(&path, "forged.token.here"), 401),
        (service.post(&path, &stranger), 405),
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
