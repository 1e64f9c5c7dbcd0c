//! The outermost layer of the public port: headers of every answer, the access log, and the request metrics.

use crate::request_log::RequestLog;
use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use kernel::context::CORRELATION_HEADER;
use std::time::Instant;

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

/// Adds the headers of every answer, then logs and measures the request. The outermost middleware.
pub async fn complete_and_log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    let log = response.extensions_mut().remove::<RequestLog>().unwrap_or_default();
    complete(&log, response.headers_mut());
    report(&log, method.as_str(), &response, started);
    response
}

fn complete(log: &RequestLog, headers: &mut HeaderMap) {
    headers.extend(log.limit_headers.clone());
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
        .get(CORRELATION_HEADER)
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
    let method = if status == http::StatusCode::METHOD_NOT_ALLOWED {
        "other".to_owned()
    } else {
        method.to_owned()
    };
    let status = status.as_u16().to_string();
    let labels = [("route", route), ("method", method), ("status", status)];
    metrics::histogram!("gateway_request_duration_seconds", &labels).record(seconds);
}
