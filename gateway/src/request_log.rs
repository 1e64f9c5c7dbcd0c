//! The facts about a request for its access log line and its answer's headers.

use http::HeaderMap;
use uuid::Uuid;

/// Collected while a request is answered; it travels in the response's extensions.
#[derive(Debug, Clone, Default)]
pub struct RequestLog {
    /// Pattern of the route.
    pub route: Option<String>,
    pub user_id: Option<Uuid>,
    /// `RateLimit` headers.
    pub limit_headers: HeaderMap,
}
