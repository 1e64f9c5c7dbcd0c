//! Connections: what the parser refuses, idle ones, half-closed ones, early refusals, and the share of an address.

use crate::fixture::{Options, TestGateway, eventually, raw};
use gateway::config::Limits;
use runtime::telemetry;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

const REQUEST: &[u8] = b"GET /api/products HTTP/1.1\r\nHost: x\r\n\r\n";

fn with(change: impl FnOnce(&mut Limits)) -> Options {
    let mut options = Options::default();
    change(&mut options.limits);
    options
}

async fn connect_from(source: &str, address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.connect(address).await.unwrap()
}

/// Reads one answer with a short body.
async fn answer_on(stream: &mut TcpStream) -> String {
    let mut buffer = vec![0; 16 * 1024];
    let read = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

#[tokio::test]
async fn what_the_parser_refuses_looks_like_every_other_refusal() {
    telemetry::start("off");
    let gateway = TestGateway::new().await;
    let cases = [
        (431, "head-too-large", format!("X-A: {}\r\n", "a".repeat(48 * 1024))),
        (431, "head-too-large", "X-A: 1\r\n".repeat(65)),
        (400, "request-malformed", "Transfer-Encoding: xchunked\r\n".to_owned()),
        (400, "request-malformed", "X-A: a\0b\r\n".to_owned()),
        (400, "request-malformed", "Content-Length: 1, 2\r\n".to_owned()),
    ];
    for (status, code, headers) in cases {
        let request = format!("GET /api/products HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let answer = raw(gateway.address, request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        let (head, body) = answer.text.split_once("\r\n\r\n").unwrap();
        for header in [
            "content-type: application/problem+json",
            "x-content-type-options: nosniff",
            "connection: close",
        ] {
            assert!(head.contains(header), "{header} in {head}");
        }
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], code);
        let id = problem["correlationId"].as_str().unwrap();
        assert!(head.contains(&format!("x-correlation-id: {id}")), "{head}");
    }
    let is_counted = |line: &str| line.contains("route=\"none\"") && line.contains("status=\"431\"");
    let metrics = gateway.client.get(gateway.operators_url("/internal/metrics")).send();
    let metrics = metrics.await.unwrap().text().await.unwrap();
    assert!(metrics.lines().any(is_counted), "{metrics}");
}

#[tokio::test]
async fn a_client_that_ends_its_side_after_the_request_gets_the_answer() {
    let gateway = TestGateway::new().await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream
        .write_all(b"GET /api/products/slow HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    eventually("the request to arrive", || async { gateway.stub.seen().pop() }).await;
    gateway.stub.release();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_longer_than_a_head_may_take_and_not_for_ever() {
    let options = with(|limits| {
        limits.header_timeout_ms = 200;
        limits.idle_timeout_ms = 1_500;
    });
    let gateway = TestGateway::with(options).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(REQUEST).await.unwrap();
        assert!(answer_on(&mut stream).await.starts_with("HTTP/1.1 200"));
        // Idle for longer than a head may take: the duration is what is tested.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert_eq!(ended.expect("it ends").unwrap(), 0);
}

#[tokio::test]
async fn an_early_refusal_of_a_large_body_is_readable() {
    let gateway = TestGateway::new().await;
    let size = 8 << 20;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let head = format!("POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // A simple client sends all of it before it reads.
    stream.write_all(&vec![b'x'; size]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(
        answer.contains("connection: close") && answer.contains("body-too-large"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_waits_for_leave_is_refused_before_it_sends() {
    let gateway = TestGateway::new().await;
    let request = "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n";
    let answer = raw(gateway.address, request).await;
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[tokio::test]
async fn one_address_holds_no_more_connections_than_its_share() {
    let gateway = TestGateway::with(with(|limits| limits.connections_per_address_max = 3)).await;
    let greedy = "127.77.0.1";
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from(greedy, gateway.address).await;
        stream.write_all(REQUEST).await.unwrap();
        assert!(answer_on(&mut stream).await.starts_with("HTTP/1.1 200"));
        held.push(stream);
    }
    let mut refused = connect_from(greedy, gateway.address).await;
    let mut nothing = Vec::new();
    assert_eq!(refused.read_to_end(&mut nothing).await.unwrap_or_default(), 0);
    let mut other = connect_from("127.77.0.2", gateway.address).await;
    other.write_all(REQUEST).await.unwrap();
    assert!(answer_on(&mut other).await.starts_with("HTTP/1.1 200"));
    held.pop();
    eventually("its place to be free again", || async {
        let mut stream = connect_from(greedy, gateway.address).await;
        stream.write_all(REQUEST).await.ok()?;
        let mut buffer = [0; 12];
        stream.read_exact(&mut buffer).await.ok()?;
        (&buffer == b"HTTP/1.1 200").then_some(())
    })
    .await;
}
