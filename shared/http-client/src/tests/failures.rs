//! Failures on the way, and what the caller may conclude from them.

use super::*;
use axum::{
    body::{Body, to_bytes},
    response::IntoResponse,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn an_attempt_that_takes_too_long_leaves_the_outcome_open() {
    let upstream = silent().await;
    let client = upstream.client(|config| config.attempt_timeout = Duration::from_millis(50));
    let error = client.post("/things").send().await.unwrap_err();
    assert!(
        matches!(error, CallError::Timeout { .. }) && error.outcome_unknown(),
        "{error}"
    );
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!((upstream.hits(), client.status().counters.failure), (1, 1));
    client.get("/things").send().await.unwrap_err();
    assert_eq!(upstream.hits(), 5, "a GET is tried again");
}

#[tokio::test]
async fn the_attempts_timeout_covers_the_body() {
    let upstream = Upstream::start(|_, _| async {
        let beginning = stream::iter([Ok::<_, std::io::Error>(Bytes::from("the beginning"))]);
        Body::from_stream(beginning.chain(stream::pending())).into_response()
    })
    .await;
    let client = upstream.client(|config| config.attempt_timeout = Duration::from_millis(50));
    let error = client.post("/things").send().await.unwrap_err();
    assert!(
        matches!(error, CallError::Timeout { .. }) && error.outcome_unknown(),
        "{error}"
    );
    assert_eq!(client.status().counters.failure, 1);
}

#[tokio::test]
async fn the_deadline_ends_attempts_and_backoff() {
    let upstream = silent().await;
    let client = upstream.client(|config| config.deadline = Duration::from_mins(1));
    let started = Instant::now();
    let error = client
        .get("/things")
        .deadline(Duration::from_millis(50))
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::Deadline { sent: true, .. }) && error.outcome_unknown(),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(3));
    let status = client.status();
    assert_eq!((status.counters.cancelled, status.bulkhead.in_use), (1, 0));
}

#[tokio::test]
async fn a_deadline_that_passes_in_the_queue_is_known_to_have_sent_nothing() {
    let upstream = silent().await;
    let client = upstream.client(|config| config.concurrency_max = 0);
    let error = client
        .get("/things")
        .deadline(Duration::from_millis(50))
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, CallError::Deadline { sent: false, .. }) && !error.outcome_unknown(),
        "{error}"
    );
    assert_eq!(upstream.hits(), 0);
}

#[tokio::test]
async fn a_failed_connection_is_known_to_have_sent_nothing() {
    let (_port, url) = closed_port();
    let client = client(&url, |_| ());
    let error = client.post("/things").send().await.unwrap_err();
    assert!(
        matches!(error, CallError::Connect { .. }) && !error.outcome_unknown(),
        "{error}"
    );
    assert_eq!(error.status(), StatusCode::SERVICE_UNAVAILABLE);
    let status = client.status();
    assert_eq!(
        (status.counters.failure, status.retries.made),
        (4, 3),
        "nothing was sent, so even a POST is tried again"
    );
}

/// Serves raw connections: reads a request's head, writes `answer`, closes. After the last of `answers` the port is closed.
async fn raw(answers: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_cut_connection_leaves_the_outcome_open() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this much"] {
        let url = raw(Box::leak(Box::new([answer]))).await;
        let client = client(&url, |_| ());
        let error = client.post("/things").send().await.unwrap_err();
        assert!(
            matches!(error, CallError::Broken { .. }) && error.outcome_unknown(),
            "{error}"
        );
        assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(client.status().counters.failure, 1);
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_kept_over_later_attempts_that_send_nothing() {
    let client = client(&raw(&[""]).await, |_| ());
    let error = client.post("/things").idempotency_key("k-1").send().await.unwrap_err();
    assert!(
        error.outcome_unknown(),
        "the first attempt may have had its effect, though the others were refused: {error}"
    );
    assert_eq!(client.status().retries.made, 3);
}

#[tokio::test]
async fn an_answer_over_the_size_limit_is_refused() {
    let upstream = Upstream::start(|_, _| async { "x".repeat(2000).into_response() }).await;
    let client = upstream.client(|config| config.answer_bytes_max = 1000);
    let error = client.get("/things").send().await.unwrap_err();
    assert!(matches!(error, CallError::TooLong { .. }), "{error}");
    assert_eq!((upstream.hits(), client.status().counters.failure), (1, 0));
}

#[tokio::test]
async fn an_answer_of_another_shape_is_a_decode_error() {
    let upstream = Upstream::start(|_, _| async { "{}".into_response() }).await;
    let answer = upstream.client(|_| ()).get("/things").send().await.unwrap();
    assert!(matches!(answer.json::<Vec<u8>>(), Err(CallError::Decode(_))));
}

#[tokio::test]
async fn a_path_arrives_unchanged_or_is_refused() {
    let upstream = Upstream::start(|_, request| async move { request.uri().to_string().into_response() }).await;
    let client = upstream.client(|_| ());
    for path in [
        "/",
        "/a/b",
        "/a//b",
        "/a%2Fb",
        "/a%252e",
        "/%C3%A4?x=1",
        "/a?b=c&d=/../e",
        "//a",
    ] {
        assert_eq!(client.get(path).send().await.unwrap().body, path);
        let forwarded = client.forward(http::Request::default(), path).await.unwrap();
        assert_eq!(to_bytes(forwarded.into_body(), 100).await.unwrap(), path);
    }
    let hits = upstream.hits();
    for path in [
        "",
        "a",
        "@evil.example/",
        ":80/",
        "/a/../b",
        "/a/%2e%2e/b",
        "/a/.%2E/b",
        "/a/./b",
        "/a/..\\b",
        "/a\\b",
        "/a/..",
        "/a b",
        "/a\tb",
        "/a\"b",
        "/a#b",
        "/a?b#c",
        "/ä",
    ] {
        let error = client.get(path).send().await.unwrap_err();
        assert!(matches!(error, CallError::Path { .. }), "{path:?}: {error}");
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let error = client.forward(http::Request::default(), path).await.unwrap_err();
        assert!(matches!(error, CallError::Path { .. }), "{path:?}: {error}");
    }
    assert_eq!(upstream.hits(), hits);
}

#[test]
fn only_a_plain_http_base_url_is_accepted() {
    for url in [
        "",
        "127.0.0.1:4001",
        "https://a.example",
        "ftp://a",
        "http://u@a",
        "http://u:p@a",
        "http://a?x",
        "http://a#x",
    ] {
        assert!(url.parse::<BaseUrl>().is_err(), "{url}");
    }
    for url in [
        "http://127.0.0.1:4001",
        "http://127.0.0.1:4001/",
        "http://[::1]:4001",
        "http://a.example/below/",
    ] {
        assert!(url.parse::<BaseUrl>().is_ok(), "{url}");
    }
}
