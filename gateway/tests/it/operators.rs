//! The operators' port, and the documentation on the public one.

use crate::fixture::{Options, TestGateway, eventually};
use serde_json::Value;

async fn json(gateway: &TestGateway, url: String) -> Value {
    gateway.client.get(url).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_status_covers_the_gateway_and_every_service() {
    let gateway = TestGateway::with(Options {
        services_url: Some("http://127.0.0.1:1".to_owned()),
        ..Options::default()
    })
    .await;
    let user = gateway.user("customer").await;
    gateway.get("/api/users/me", &user.token).await;
    let status = json(&gateway, gateway.operators_url("/internal/status")).await;
    assert_eq!(
        (&status["service"], &status["ready"]),
        (&"gateway".into(), &true.into())
    );
    assert_eq!(status["redis"]["reachable"], true);
    assert_eq!(status["limiter"]["mode"], "shared");
    assert_eq!(status["keys"]["keyIds"].as_array().unwrap().len(), 1);
    assert_eq!(status["breakers"].as_array().unwrap().len(), 6);
    assert_eq!(status["services"]["user-service"]["service"], "stub");
    assert_eq!(status["services"]["order-service"], "unreachable");
    assert_eq!(status["services"].as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn probes_metrics_and_the_status_page_are_served() {
    let gateway = TestGateway::new().await;
    runtime::telemetry::start("off");
    gateway.client.get(gateway.url("/api/products")).send().await.unwrap();
    for path in ["/livez", "/readyz", "/"] {
        assert_eq!(
            gateway
                .client
                .get(gateway.operators_url(path))
                .send()
                .await
                .unwrap()
                .status(),
            200,
            "{path}"
        );
    }
    eventually("the request to be counted", || async {
        let metrics = gateway
            .client
            .get(gateway.operators_url("/internal/metrics"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        gateway.client.get(gateway.url("/api/products")).send().await.unwrap();
        metrics.contains("gateway_request_duration_seconds").then_some(())
    })
    .await;
    // Nothing of what a client may ask is here.
    assert_eq!(
        gateway
            .client
            .get(gateway.operators_url("/api/products"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn the_documentation_needs_no_token_and_no_service() {
    let gateway = TestGateway::new().await;
    let document = json(&gateway, gateway.url("/api/openapi.json")).await;
    assert_eq!(document["openapi"], "3.1.0");
    let page = gateway.client.get(gateway.url("/api/docs")).send().await.unwrap();
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("connect-src 'self'")
    );
    assert!(page.text().await.unwrap().contains("/api/openapi.json"));
    assert!(gateway.stub.seen().is_empty());
}
