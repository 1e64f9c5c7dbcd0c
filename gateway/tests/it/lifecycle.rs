//! Shutdown of a gateway with requests in flight.

use crate::fixture::{Options, TestGateway, eventually};
use gateway::config::Limits;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

#[tokio::test]
async fn shutdown_drains_the_request_in_flight_and_accepts_no_other() {
    let mut gateway = TestGateway::new().await;
    let running = tokio::spawn(gateway.client.get(gateway.url("/api/products/slow")).send());
    eventually("the request to arrive", || async { gateway.stub.seen().pop() }).await;
    gateway.stop.cancel();
    eventually("the port to be closed", || async {
        TcpStream::connect(gateway.address).await.err()
    })
    .await;
    // Operators see that it is shutting down.
    let readiness = gateway
        .client
        .get(gateway.operators_url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(readiness.status(), 503);
    assert!(!gateway.ended.is_finished());

    gateway.stub.release();
    let answer = running.await.unwrap().unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (200, "done".to_owned())
    );
    let ended = timeout(Duration::from_secs(10), &mut gateway.ended).await.unwrap();
    assert!(ended.unwrap().is_ok());
}

#[tokio::test]
async fn shutdown_ends_at_the_drain_timeout() {
    let limits = Limits {
        drain_timeout_ms: 300,
        ..Options::default().limits
    };
    let mut gateway = TestGateway::with(Options {
        limits,
        ..Options::default()
    })
    .await;
    let running = tokio::spawn(gateway.client.get(gateway.url("/api/products/slow")).send());
    eventually("the request to arrive", || async { gateway.stub.seen().pop() }).await;
    gateway.stop.cancel();
    let ended = timeout(Duration::from_secs(10), &mut gateway.ended).await.unwrap();
    assert!(ended.unwrap().is_ok());
    running.abort();
}

#[tokio::test]
async fn an_idle_connection_does_not_delay_shutdown() {
    let mut gateway = TestGateway::new().await;
    // The client keeps its connection open for the next request.
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
    let silent = TcpStream::connect(gateway.address).await.unwrap();
    gateway.stop.cancel();
    let ended = timeout(Duration::from_secs(5), &mut gateway.ended).await.unwrap();
    assert!(ended.unwrap().is_ok());
    drop(silent);
}
