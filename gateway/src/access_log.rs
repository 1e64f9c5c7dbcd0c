//! The outermost steps of the public port: bodies of errors, headers of every answer, the access log, and the request metrics.

use crate::{error::Error, headers::CORRELATION_ID, proxy, request_log::RequestLog, state::Gateway};
use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Collected};
use std::{net::IpAddr, panic::AssertUnwindSafe, time::Instant};
use web::problem::Rendering;

/// Headers of a JSON API, which must not be sniffed, framed or executed; the documentation page sets its own policy.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Headers that an answer gets here: so many that its map would grow twice.
const OWN_HEADERS: usize = 8;

/// Answers a request of the client at `peer`. The steps are plain calls: as layers they would cost a request as much as all that
/// the gateway decides about it.
pub async fn answer_and_log(gateway: &Gateway, peer: IpAddr, request: Request) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let rendering = Rendering::of(&request);
    let mut log = RequestLog::default();
    let waiting = Waiting::new(&method, &rendering.context().correlation_id);
    let answer = proxy::forward_request(gateway, peer, rendering.context(), request, &mut log);
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    waiting.answered();
    let mut response = answer.unwrap_or_else(|_panic| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    rendering.finish(&mut response);
    complete(&mut log, response.headers_mut());
    report(&log, method.as_str(), &response, started);
    response
}

/// Returns the answer to what the HTTP parser has refused, as it goes out, and logs it. The connection ends after it.
pub fn refuse_and_log(status: StatusCode) -> Bytes {
    let started = Instant::now();
    let rendering = Rendering::of(&Request::default());
    let mut response = Error::Unreadable(status).into_response();
    rendering.finish(&mut response);
    complete(&mut RequestLog::default(), response.headers_mut());
    report(&RequestLog::default(), "none", &response, started);
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .now_or_never()
        .and_then(Result::ok)
        .map(Collected::to_bytes);
    let body = body.unwrap_or_default();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\nconnection: close\r\n", status.as_u16()).into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes.into()
}

/// A request without an answer. Dropped before it has one, it was given up by its client.
struct Waiting<'a>(Option<(&'a Method, &'a str)>);

impl<'a> Waiting<'a> {
    fn new(method: &'a Method, correlation_id: &'a str) -> Self {
        Self(Some((method, correlation_id)))
    }

    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some((method, correlation_id)) = self.0 {
            metrics::counter!("gateway_requests_given_up_total").increment(1);
            tracing::info!(
                http.method = method.as_str(),
                correlation_id,
                "Request given up by its client"
            );
        }
    }
}

fn complete(log: &mut RequestLog, headers: &mut HeaderMap) {
    headers.reserve(OWN_HEADERS);
    headers.extend(log.limit_headers.take().into_iter().flatten());
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if log.user_id.is_some() {
        // A cache must not give one caller's answer to another.
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
}

fn report(log: &RequestLog, method: &str, response: &Response, started: Instant) {
    let status = response.status();
    let route = log.route.clone().unwrap_or_else(|| "none".to_owned());
    let seconds = started.elapsed().as_secs_f64();
    let correlation_id = response
        .headers()
        .get(CORRELATION_ID)
        .and_then(|id| id.to_str().ok())
        .unwrap_or_default();
    tracing::info!(
        http.method = method,
        http.route = route,
        http.status = status.as_u16(),
        user.id = log.user_id.map(tracing::field::display),
        correlation_id,
        duration_ms = seconds * 1000.0,
        "Request answered"
    );
    // Invented methods would otherwise be labels without bound.
    let method = if status == StatusCode::METHOD_NOT_ALLOWED {
        "other".to_owned()
    } else {
        method.to_owned()
    };
    let status = status.as_u16().to_string();
    let labels = [("route", route), ("method", method), ("status", status)];
    metrics::histogram!("gateway_request_duration_seconds", &labels).record(seconds);
}
