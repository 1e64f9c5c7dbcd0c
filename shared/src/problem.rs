//! Errors as clients see them: `application/problem+json` (RFC 9457), rendered at one place.
//!
//! A handler returns a [`Problem`] (mostly by way of its service's own error type). The outermost layer of every router
//! ([`crate::service`]) writes the body, adds the correlation id and logs the hidden cause once.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use std::sync::Arc;

/// One error answer. `detail` is for the client; the cause goes to the log and never to a client.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable machine-readable name, e.g. `idempotency-key-missing`.
    pub code: &'static str,
    /// What is wrong and what to do about it, for the client.
    pub detail: String,
    /// Sent as `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// Logged, never sent.
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A problem of any status.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// 400.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404; also the answer for what belongs to somebody else.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what}"))
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(detail: impl Into<String>, retry_after_s: u64) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self {
            retry_after_s: Some(retry_after_s),
            ..problem
        }
    }

    /// 500 whose cause is logged and not shown.
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side",
        )
        .caused_by(cause)
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn caused_by(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..self
        }
    }
}

/// 503 while the database is away, 500 for anything else.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if crate::messaging::failure::is_database_away(&error) {
            Self::unavailable("the service cannot reach its database, try again shortly", 2).caused_by(error)
        } else {
            Self::internal(error)
        }
    }
}

impl IntoResponse for Problem {
    /// An empty answer that carries the problem; [`render`] fills it in.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
