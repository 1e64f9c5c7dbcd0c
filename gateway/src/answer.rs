//! The outermost layer of the public port: headers that every answer has, the access log, and the request metrics.

use crate::proxy::Journey;
use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use shared::context::CORRELATION_HEADER;
use std::time::Instant;

/// A JSON API is not to be guessed at, framed or run; the documentation page says its own policy.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// axum middleware around everything else.
pub async fn finish(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    let journey = response.extensions_mut().remove::<Journey>().unwrap_or_default();
    complete(&journey, response.headers_mut());
    report(&journey, method.as_str(), &response, started);
    response
}

fn complete(journey: &Journey, headers: &mut HeaderMap) {
    headers.extend(journey.limit_headers.clone());
    for (name, value) in SECURITY_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if journey.user_id.is_some() {
        // What one caller was told is not for a cache to tell another.
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
}

fn report(journey: &Journey, method: &str, response: &Response, started: Instant) {
    let status = response.status();
    let route = journey.route.clone().unwrap_or_else(|| "none".to_owned());
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
        user.id = journey.user_id.map(tracing::field::display),
        correlation_id,
        duration_ms = seconds * 1000.0,
        "answered"
    );
    // Methods that nobody has would otherwise be labels without end.
    let method = if status == http::StatusCode::METHOD_NOT_ALLOWED {
        "other".to_owned()
    } else {
        method.to_owned()
    };
    let status = status.as_u16().to_string();
    let labels = [("route", route), ("method", method), ("status", status)];
    metrics::histogram!("gateway_request_duration_seconds", &labels).record(seconds);
}
