//! The facts about a request for its access log line and its answer's headers.

use http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// Collected while a request is answered.
#[derive(Debug, Default)]
pub struct RequestLog {
    /// Pattern of the route.
    pub route: Option<String>,
    pub user_id: Option<Uuid>,
    /// `RateLimit` headers.
    pub limit_headers: Option<[(HeaderName, HeaderValue); 2]>,
}
