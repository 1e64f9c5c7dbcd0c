//! Error answers of the API.

use crate::ledger::LedgerError;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use web::extract::Json;

/// An error answer.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    /// Stable machine-readable name.
    code: &'static str,
    detail: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, detail }
    }

    pub(super) fn flaky() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "flaky", "try again")
    }

    pub(super) fn unknown_key() -> Self {
        let detail = "nothing is known under this key";
        Self::new(StatusCode::NOT_FOUND, "unknown-key", detail)
    }

    pub(super) fn key_missing() -> Self {
        let detail = "the header Idempotency-Key is required, 1 to 255 visible characters";
        Self::new(StatusCode::BAD_REQUEST, "key-missing", detail)
    }

    pub(super) fn bad_body(error: &serde_json::Error) -> Self {
        let detail = format!("the body cannot be read: {error}");
        Self::new(StatusCode::BAD_REQUEST, "bad-body", detail)
    }

    pub(super) fn bad_amount() -> Self {
        let detail = "amountMinor must be greater than 0";
        Self::new(StatusCode::BAD_REQUEST, "bad-amount", detail)
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let (status, code) = match error {
            LedgerError::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key-reused"),
            LedgerError::NoSuchCharge => (StatusCode::UNPROCESSABLE_ENTITY, "no-such-charge"),
            LedgerError::TooMuch { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "refund-too-large"),
            LedgerError::Broken | LedgerError::Io(_) => (StatusCode::INTERNAL_SERVER_ERROR, "log-broken"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.code, "detail": self.detail });
        (self.status, Json(body)).into_response()
    }
}
