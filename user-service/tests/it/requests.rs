//! Requests and the expected answers.

use reqwest::{RequestBuilder, Response, StatusCode, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinSet;

pub(crate) async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

/// Sends all requests at the same time.
pub(crate) async fn send_all(requests: impl Iterator<Item = RequestBuilder>) -> Vec<Response> {
    let sending: JoinSet<_> = requests.map(send).collect();
    sending.join_all().await
}

pub(crate) async fn expect_status(request: RequestBuilder, status: StatusCode) {
    let answer = send(request).await;
    assert_eq!(answer.status(), status, "{}", answer.text().await.unwrap());
}

/// Returns the body of the answer, which must have this status.
pub(crate) async fn expect_json<T: DeserializeOwned>(request: RequestBuilder, status: StatusCode) -> T {
    read_json(send(request).await, status).await
}

/// Returns the body of an answer, which must have this status.
pub(crate) async fn read_json<T: DeserializeOwned>(answer: Response, status: StatusCode) -> T {
    let (actual, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(actual, status, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Returns the detail of the answer, which must be a problem with this status and code, and have a detail.
pub(crate) async fn expect_problem(request: RequestBuilder, status: StatusCode, code: &str) -> String {
    let answer = send(request).await;
    let media_type = answer.headers().get(CONTENT_TYPE).cloned();
    let retry_after = answer.headers().get("retry-after").cloned();
    let (actual, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(actual, status, "{text}");
    assert_eq!(media_type.unwrap(), "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&json!(status.as_u16()), &json!(code)),
        "{text}"
    );
    if status == StatusCode::SERVICE_UNAVAILABLE {
        assert!(retry_after.unwrap().to_str().unwrap().parse::<u64>().unwrap() >= 1);
    }
    let detail = problem["detail"].as_str().unwrap().to_owned();
    assert!(!detail.is_empty(), "{text}");
    detail
}

pub(crate) async fn expect_unauthorized(request: RequestBuilder, code: &str) -> String {
    expect_problem(request, StatusCode::UNAUTHORIZED, code).await
}
