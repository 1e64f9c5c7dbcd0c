//! Passing requests on.

use super::*;
use axum::{
    body::{Body, to_bytes},
    response::IntoResponse,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, StatusCode, header};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

fn request(method: Method, body: &'static str) -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::from(body));
    *request.method_mut() = method;
    request
}

/// Echoes method and target in headers, and the body as a stream.
async fn echo() -> Upstream {
    Upstream::start(|_, request| async move {
        let asked = format!("{} {}", request.method(), request.uri());
        let mut headers = HeaderMap::new();
        headers.insert("x-asked", asked.parse().unwrap());
        headers.insert("keep-alive", "timeout=5".parse().unwrap());
        headers.insert("x-named", "1".parse().unwrap());
        headers.insert(header::CONNECTION, "x-named".parse().unwrap());
        for name in ["host", "content-length", "transfer-encoding", "x-own"] {
            let values: Vec<_> = request
                .headers()
                .get_all(name)
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            headers.insert(
                HeaderName::try_from(format!("x-got-{name}")).unwrap(),
                values.join("|").parse().unwrap(),
            );
        }
        (StatusCode::IM_A_TEAPOT, headers, request.into_body()).into_response()
    })
    .await
}

#[tokio::test]
async fn end_to_end_headers_are_forwarded_and_hop_by_hop_headers_are_not() {
    let upstream = echo().await;
    let client = upstream.client(|_| ());
    let mut asked = request(Method::PATCH, "a body");
    for (name, value) in [
        ("host", "evil.example"),
        ("content-length", "1"),
        ("x-own", "2"),
        ("expect", "100-continue"),
    ] {
        asked.headers_mut().insert(name, value.parse().unwrap());
    }
    asked.headers_mut().append("x-own", "3".parse().unwrap());
    let answer = client.forward(asked, "/a%2Fb?c=d").await.unwrap();
    assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    let headers = answer.headers();
    assert_eq!(headers["x-asked"], "PATCH /a%2Fb?c=d");
    assert_eq!(headers["x-got-host"], upstream.url.trim_start_matches("http://"));
    assert_eq!(
        (&headers["x-got-content-length"], &headers["x-got-transfer-encoding"]),
        (&"6".parse().unwrap(), &"".parse().unwrap())
    );
    assert_eq!(headers["x-got-x-own"], "2|3");
    for name in ["connection", "keep-alive", "x-named", "transfer-encoding"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), "a body");
}

#[tokio::test]
async fn an_answer_is_streamed_for_longer_than_an_attempt_may_take() {
    let (sender, receiver) = mpsc::channel::<&str>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let upstream = Upstream::start(move |_, _| {
        let receiver = receiver.lock().unwrap().take().unwrap();
        let parts = stream::unfold(receiver, async |mut receiver| {
            let part = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(Bytes::from(part)), receiver))
        });
        async { Body::from_stream(parts).into_response() }
    })
    .await;
    let quick = upstream.client(|config| config.attempt_timeout = Duration::from_millis(200));
    let answer = quick.forward(request(Method::GET, ""), "/").await.unwrap();
    let mut answer = answer.into_body().into_data_stream();
    sender.send("one").await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), "one");

    // While this one runs into its timeout, the first is still open.
    let silent = silent()
        .await
        .client(|config| config.attempt_timeout = Duration::from_millis(500));
    let timed_out = silent.forward(request(Method::GET, ""), "/").await.unwrap_err();
    assert!(matches!(timed_out, CallError::Timeout { .. }));
    sender.send("two").await.unwrap();
    assert_eq!(answer.next().await.unwrap().unwrap(), "two");
    drop(sender);
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn a_streamed_answer_that_stalls_breaks_off() {
    let upstream = Upstream::start(|_, _| async {
        let beginning = stream::iter([Ok::<_, std::io::Error>(Bytes::from("the beginning"))]);
        Body::from_stream(beginning.chain(stream::pending())).into_response()
    })
    .await;
    let client = upstream.client(|config| config.body_idle_timeout = Duration::from_millis(50));
    let answer = client.forward(request(Method::GET, ""), "/").await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), "the beginning");
    body.next().await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_forwarded_request_is_sent_once() {
    let upstream = Upstream::start(|_, _| async { StatusCode::SERVICE_UNAVAILABLE.into_response() }).await;
    let client = upstream.client(|_| ());
    for number in 1..=5 {
        let answer = client.forward(request(Method::GET, ""), "/").await.unwrap();
        assert_eq!(
            (answer.status(), upstream.hits()),
            (StatusCode::SERVICE_UNAVAILABLE, number)
        );
    }
    let error = client.forward(request(Method::GET, ""), "/").await.unwrap_err();
    assert!(
        matches!(error, CallError::Open { .. }),
        "it takes part in the breaker: {error}"
    );
}

#[tokio::test]
async fn a_request_is_retried_when_no_connection_was_made() {
    for body in ["", "a body"] {
        let (_port, url) = closed_port();
        let client = client(&url, |_| ());
        client.forward(request(Method::POST, body), "/").await.unwrap_err();
        assert_eq!(client.status().retries.made, 3, "with the body {body:?}");
    }
}

#[tokio::test]
async fn a_503_with_retry_after_from_the_upstream_does_not_open_the_circuit() {
    let excuse = |_, _| async { (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response() };
    let upstream = Upstream::start(excuse).await;
    let client = upstream.client(|_| ());
    for number in 1..=20 {
        let answer = client.forward(request(Method::GET, ""), "/").await.unwrap();
        assert_eq!(
            (answer.status(), upstream.hits()),
            (StatusCode::SERVICE_UNAVAILABLE, number)
        );
    }
}
