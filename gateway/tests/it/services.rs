//! Unavailable services, and failover to their replicas.

use crate::fixture::{Options, Stub, TestGateway, eventually, problem};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
};

/// A port that is bound, so that no other test gets it, and on which no server listens.
fn closed_port() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

#[tokio::test]
async fn an_unavailable_service_is_503_and_opens_its_circuit() {
    let (_bound, services_url) = closed_port();
    let gateway = TestGateway::with(Options {
        services_url: Some(services_url),
        ..Options::default()
    })
    .await;
    for _ in 0..6 {
        let answer = gateway.client.get(gateway.url("/api/products")).send().await.unwrap();
        let retry_after_s: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(retry_after_s >= 1);
        problem(answer, 503).await;
    }
    let status: serde_json::Value = gateway
        .client
        .get(gateway.operators_url("/internal/status"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let breakers = status["breakers"].as_array().unwrap();
    let state = |name: &str| breakers.iter().find(|breaker| breaker["name"] == name).unwrap()["state"].clone();
    assert_eq!(state("product-service"), "open");
    assert_eq!(state("order-service"), "closed");
}

#[tokio::test]
async fn a_request_with_a_body_fails_over_to_another_replica() {
    let other = Stub::start().await;
    let (_bound, closed) = closed_port();
    let replicas = format!("{closed},{}", other.url());
    let gateway = TestGateway::with(Options {
        services_url: Some(replicas),
        ..Options::default()
    })
    .await;
    let admin = gateway.user("admin").await;
    for turn in 1..=8 {
        let request = gateway
            .client
            .post(gateway.url("/api/products"))
            .bearer_auth(&admin.token)
            .body("hello");
        assert_eq!(request.send().await.unwrap().status(), 200);
        assert_eq!((other.seen().len(), other.last().body_bytes), (turn, 5));
    }
}

#[tokio::test]
async fn requests_follow_the_weights() {
    let (light, heavy) = (Stub::start().await, Stub::start().await);
    let replicas = format!("{},{};weight=3", light.url(), heavy.url());
    let gateway = TestGateway::with(Options {
        services_url: Some(replicas),
        ..Options::default()
    })
    .await;
    for _ in 0..8 {
        assert_eq!(
            gateway
                .client
                .get(gateway.url("/api/products"))
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    assert_eq!((light.seen().len(), heavy.seen().len()), (2, 6));
}

#[tokio::test]
async fn a_request_that_a_service_has_received_is_not_retried() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    let order = gateway
        .client
        .post(gateway.url("/api/orders/broken/cancel"))
        .bearer_auth(&user.token)
        .send()
        .await
        .unwrap();
    assert_eq!(order.status(), 200);
    let broken = gateway
        .client
        .get(gateway.url("/api/products/broken"))
        .send()
        .await
        .unwrap();
    assert_eq!(broken.status(), 500);
    assert_eq!(gateway.stub.seen().len(), 2);
}

#[tokio::test]
async fn a_client_that_resets_its_connection_releases_its_bulkhead_permit() {
    let gateway = TestGateway::new().await;
    let user = gateway.user("customer").await;
    let mut waiting = TcpStream::connect(gateway.address).await.unwrap();
    let request = b"GET /api/products/slow HTTP/1.1\r\nHost: x\r\n\r\n";
    waiting.write_all(request).await.unwrap();
    eventually("the request to arrive", || async { gateway.stub.seen().pop() }).await;
    waiting.set_zero_linger().unwrap();
    drop(waiting);
    assert_eq!(gateway.get("/api/orders", &user.token).await.status(), 200);
    eventually("its bulkhead permit to be released", || async {
        let status: serde_json::Value = gateway
            .client
            .get(gateway.operators_url("/internal/status"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let in_use: u64 = status["breakers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["bulkhead"]["inUse"].as_u64().unwrap())
            .sum();
        (in_use == 0).then_some(())
    })
    .await;
}
