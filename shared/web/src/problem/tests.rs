//! Errors as clients see them.

use super::*;
use crate::extract::Json;
use axum::{
    Router,
    body::to_bytes,
    middleware::from_fn,
    routing::{get, post},
};
use serde_json::Value;
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer};

/// As in a running service: an outer router asks an inner one, which has already closed its answers.
fn router() -> Router {
    let inner = inside();
    Router::new()
        .fallback(move |request: Request| inner.clone().oneshot(request))
        .layer(RequestBodyLimitLayer::new(100))
        .layer(CatchPanicLayer::new())
        .layer(from_fn(render))
}

fn inside() -> Router {
    let secret = || std::io::Error::other("the password is hunter2");
    Router::new()
        .route("/ok", get(|| async { "ok" }))
        .route(
            "/conflict",
            get(|| async { ([("etag", "\"1\"")], Problem::conflict("taken", "choose another")) }),
        )
        .route(
            "/unauthorized",
            get(|| async { Problem::unauthorized("not-authenticated", "log in") }),
        )
        .route("/unavailable", get(|| async { Problem::unavailable("later", 7) }))
        .route("/internal", get(move || async move { Problem::internal(secret()) }))
        .route("/panic", get(panics))
        .route(
            "/own",
            get(|| async { (StatusCode::BAD_REQUEST, Json("as the handler wrote it")) }),
        )
        .route("/sized", post(|_: Json<Value>| async {}))
}

async fn panics() -> &'static str {
    panic!("the password is hunter2")
}

async fn ask(request: http::request::Builder, body: Body) -> (StatusCode, http::HeaderMap, Value) {
    let response = router().oneshot(request.body(body).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    if let Some(length) = headers.get(CONTENT_LENGTH) {
        assert_eq!(length.to_str().unwrap(), body.len().to_string());
    }
    (status, headers, serde_json::from_slice(&body).unwrap_or_default())
}

async fn get_of(path: &str) -> (StatusCode, http::HeaderMap, Value) {
    ask(http::Request::get(path), Body::empty()).await
}

#[tokio::test]
async fn a_problem_has_every_member_and_keeps_the_handlers_headers() {
    let request = http::Request::get("/conflict").header(CORRELATION_HEADER, "story-1");
    let (status, headers, body) = ask(request, Body::empty()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    assert_eq!(headers[CORRELATION_HEADER], "story-1");
    assert_eq!(headers["etag"], "\"1\"", "the handler's own headers stay");
    let expected = serde_json::json!({
        "type": "/problems/taken", "title": "Conflict", "status": 409, "detail": "choose another", "code": "taken",
        "correlationId": "story-1",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn problems_carry_challenge_and_retry_after() {
    let (_, headers, _) = get_of("/unauthorized").await;
    assert_eq!(headers[WWW_AUTHENTICATE], "Bearer");
    let (status, headers, _) = get_of("/unavailable").await;
    assert_eq!(
        (status, &headers[RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &"7".parse().unwrap())
    );
}

#[tokio::test]
async fn errors_of_router_and_middleware_become_problems() {
    let large = || Body::from("x".repeat(1000));
    let chunked = || Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("9".repeat(1000))]));
    let json = || http::Request::post("/sized").header(CONTENT_TYPE, "application/json");
    for (request, body, expected) in [
        (http::Request::get("/nowhere"), Body::empty(), StatusCode::NOT_FOUND),
        (
            http::Request::delete("/ok"),
            Body::empty(),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            http::Request::get("/panic"),
            Body::empty(),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
        (
            json().header(CONTENT_LENGTH, "1000"),
            large(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (json(), chunked(), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, headers, body) = ask(request, body).await;
        assert_eq!((status, &headers[CONTENT_TYPE]), (expected, &PROBLEM_JSON), "{body}");
        assert_eq!(body["status"], expected.as_u16());
        assert_eq!(headers[CORRELATION_HEADER], *body["correlationId"].as_str().unwrap());
    }
    let (_, headers, body) = ask(http::Request::delete("/ok"), Body::empty()).await;
    assert!(headers["allow"].to_str().unwrap().contains("GET"));
    assert_eq!((&body["type"], body.get("code")), (&"about:blank".into(), None));
}

#[tokio::test]
async fn a_cause_is_not_sent_to_the_client() {
    for path in ["/internal", "/panic"] {
        let (status, headers, body) = get_of(path).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!format!("{headers:?} {body}").contains("hunter2"), "{body}");
    }
}

#[tokio::test]
async fn a_response_that_a_handler_wrote_is_unchanged() {
    let (status, headers, body) = get_of("/own").await;
    assert_eq!(
        (status, &headers[CONTENT_TYPE]),
        (StatusCode::BAD_REQUEST, &"application/json".parse().unwrap())
    );
    assert_eq!(body, "as the handler wrote it");
}

#[tokio::test]
async fn every_response_has_a_valid_correlation_id() {
    for sent in ["story-1", "", "<script>", "a b", &"x".repeat(65)] {
        let (_, headers, _) = ask(
            http::Request::get("/ok").header(CORRELATION_HEADER, sent),
            Body::empty(),
        )
        .await;
        let told = headers[CORRELATION_HEADER].to_str().unwrap();
        assert_eq!(told == sent, sent == "story-1", "{sent:?}");
        assert!(kernel::context::is_correlation_id(told), "{told}");
    }
}

#[test]
fn a_deliberate_refusal_is_not_logged_as_an_error() {
    let cause = || std::io::Error::other("gone");
    for (problem, expected) in [
        (Problem::unavailable("starting", 1), Level::DEBUG),
        (Problem::unavailable("no database", 1).caused_by(cause()), Level::ERROR),
        (Problem::internal(cause()), Level::ERROR),
        (
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, BARE, "a panic"),
            Level::ERROR,
        ),
        (Problem::conflict("taken", "choose another"), Level::DEBUG),
        (
            Problem::conflict("taken", "choose another").caused_by(cause()),
            Level::INFO,
        ),
    ] {
        assert_eq!(level(&problem), expected, "{problem:?}");
    }
}
