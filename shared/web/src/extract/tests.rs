//! Answers to wrong input.

use super::*;
use axum::{
    Router,
    body::{Body, to_bytes},
    middleware::from_fn,
    routing::{get, post},
};
use http::Request as HttpRequest;
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basket {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    quantity: u32,
}

#[derive(Deserialize)]
struct Paging {
    limit: Option<u16>,
}

async fn answer(request: HttpRequest<Body>) -> (StatusCode, String, String) {
    let count =
        |Json(basket): Json<Basket>| async move { Json(basket.lines.iter().map(|line| line.quantity).sum::<u32>()) };
    let router = Router::new()
        .route("/baskets", post(count))
        .route("/things/{id}", get(|Path(id): Path<Uuid>| async move { Json(id) }))
        .route(
            "/things",
            get(|Query(paging): Query<Paging>| async move { Json(paging.limit) }),
        )
        .layer(from_fn(crate::problem::render));
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (
        status,
        text("code"),
        if status.is_success() {
            body.to_string()
        } else {
            text("detail")
        },
    )
}

async fn post_json(body: &str) -> (StatusCode, String, String) {
    let request = HttpRequest::post("/baskets").header(CONTENT_TYPE, "application/json; charset=utf-8");
    answer(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn valid_input_is_extracted() {
    assert_eq!(
        post_json(r#"{"lines":[{"quantity":2},{"quantity":3}]}"#).await,
        (StatusCode::OK, String::new(), "5".to_owned())
    );
}

#[tokio::test]
async fn an_invalid_body_is_refused_with_place_and_reason() {
    for (body, code, place) in [
        (
            r#"{"lines":[{"quantity":2},{"quantity":"many"}]}"#,
            "body-invalid",
            "lines[1].quantity: invalid type: string \"many\"",
        ),
        (
            r#"{"lines":[{"quantity":-1}]}"#,
            "body-invalid",
            "lines[0].quantity: invalid value",
        ),
        (
            r#"{"lines":[{}]}"#,
            "body-invalid",
            "lines[0]: missing field `quantity`",
        ),
        (
            r#"{"lines":[],"colour":1}"#,
            "body-invalid",
            "colour: unknown field `colour`",
        ),
        ("null", "body-invalid", "invalid type: null"),
        (
            r#"{"lines":["#,
            "body-malformed",
            "EOF while parsing a list at line 1 column 10",
        ),
        ("{} {}", "body-invalid", "missing field `lines`"),
        (
            r#"{"lines":[]} x"#,
            "body-malformed",
            "trailing characters at line 1 column 14",
        ),
        ("", "body-malformed", "EOF while parsing a value at line 1 column 0"),
    ] {
        let (status, got, detail) = post_json(body).await;
        assert_eq!(
            (status, got.as_str()),
            (StatusCode::BAD_REQUEST, code),
            "{body}: {detail}"
        );
        assert!(detail.contains(place), "{body}: {detail}");
    }
}

#[tokio::test]
async fn bodies_of_another_media_type_or_over_the_limit_are_refused() {
    let request = || HttpRequest::post("/baskets");
    for request in [
        request(),
        request().header(CONTENT_TYPE, "text/plain"),
        request().header(CONTENT_TYPE, "\u{ff}"),
    ] {
        let (status, code, _) = answer(request.body(Body::from(r#"{"lines":[]}"#)).unwrap()).await;
        assert_eq!(
            (status, code.as_str()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type-unsupported")
        );
    }
    let (status, code, _) = post_json(&" ".repeat(3_000_000)).await;
    assert_eq!(
        (status, code.as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large")
    );
    let broken = Body::from_stream(futures_util::stream::iter([Err::<&str, _>(std::io::Error::other(
        "gone",
    ))]));
    let request = request().header(CONTENT_TYPE, "application/json").body(broken).unwrap();
    assert_eq!(answer(request).await.1, "body-incomplete");
}

#[tokio::test]
async fn an_invalid_path_or_query_is_refused_with_the_reason() {
    let asked = async |path: &str| answer(HttpRequest::get(path).body(Body::empty()).unwrap()).await;
    let (status, code, detail) = asked("/things/17").await;
    assert_eq!((status, code.as_str()), (StatusCode::BAD_REQUEST, "path-invalid"));
    assert!(detail.contains("17") && detail.contains("UUID"), "{detail}");
    assert_eq!(asked("/things/%ff").await.0, StatusCode::BAD_REQUEST);
    let (status, code, detail) = asked("/things?limit=all").await;
    assert_eq!((status, code.as_str()), (StatusCode::BAD_REQUEST, "query-invalid"));
    assert!(detail.contains("limit: invalid digit"), "{detail}");
    assert_eq!(asked("/things?limit=7&other=x").await.2, "7");
}
