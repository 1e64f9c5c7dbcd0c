//! The context that travels with a request through every call, row and event: correlation, causation and trace.

use axum_core::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use std::convert::Infallible;

/// Header that carries the correlation id over HTTP.
pub const CORRELATION_HEADER: &str = "x-correlation-id";
/// Header of the W3C Trace Context, over HTTP and in AMQP messages.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// Correlation, causation and trace of the work at hand.
///
/// As an axum extractor it reads the request's headers; a request without a correlation id gets a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Correlation id: the first request's, or the saga's; the same for everything that follows from it.
    pub correlation_id: String,
    /// Causation id: the event or request that directly led here.
    pub causation_id: String,
    /// W3C `traceparent`, passed on as it came; `None` outside a trace.
    pub traceparent: Option<String>,
}

impl Context {
    /// Creates a context with a new correlation id, for work that no request caused (a sweep, a start).
    pub fn new() -> Self {
        let id = crate::id::new().to_string();
        Self {
            correlation_id: id.clone(),
            causation_id: id,
            traceparent: None,
        }
    }

    /// Continues a known correlation, caused by `causation_id`.
    pub fn caused_by(
        correlation_id: impl Into<String>,
        causation_id: impl Into<String>,
        traceparent: Option<String>,
    ) -> Self {
        Self {
            correlation_id: correlation_id.into(),
            causation_id: causation_id.into(),
            traceparent,
        }
    }

    /// Reads the headers of an HTTP request. A correlation id that is not 1–64 of `[A-Za-z0-9-]` is replaced.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let correlation_id = header(CORRELATION_HEADER)
            .filter(|id| is_correlation_id(id))
            .map_or_else(|| crate::id::new().to_string(), str::to_owned);
        let traceparent = header(TRACEPARENT_HEADER)
            .filter(|value| is_traceparent(value))
            .map(str::to_owned);
        Self {
            causation_id: correlation_id.clone(),
            correlation_id,
            traceparent,
        }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns true if `id` may be passed on as a correlation id: 1–64 of `[A-Za-z0-9-]`.
pub fn is_correlation_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns true if `value` may be passed on as a `traceparent`: the header's own characters, and no more of them than it may
/// grow to.
pub fn is_traceparent(value: &str) -> bool {
    is_correlation_id(value)
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::from_headers(&parts.headers)))
    }
}
