//! The errors of the gateway, and their problems.

use crate::{answer, keys::NoKeys, path, redis::Unavailable, token::TokenFault};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use http_client::CallError;
use web::problem::Problem;

/// An error of the gateway's own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path has more than one reading.
    #[error("{0}")]
    Path(#[from] path::Fault),
    /// `Host` is missing, repeated, malformed, or differs from the request line.
    #[error("the request must have one well-formed Host header, and its target must not name another host")]
    Host,
    /// The host is none of those that the gateway answers for.
    #[error("this gateway does not answer for that host")]
    ForeignHost,
    /// The body is sent in an encoding of the connection that is not taken off here.
    #[error("send the body with Content-Length, or with `Transfer-Encoding: chunked` alone")]
    TransferEncoding,
    /// The request is no HTTP that the parser reads.
    #[error("{}", unreadable(*.0))]
    Unreadable(StatusCode),
    /// The path exists, but not the method; with the `Allow` header.
    #[error("this path does not know the method; see the Allow header")]
    Method(String),
    /// No such path.
    #[error("there is nothing at this path")]
    NoRoute,
    /// The route needs a token and there is none.
    #[error("this needs an access token: `Authorization: Bearer <token>`")]
    TokenMissing,
    /// The token is refused.
    #[error("{0}")]
    Token(#[from] TokenFault),
    /// The token is valid, but its session has ended.
    #[error("the session has ended, log in again")]
    SessionEnded,
    /// The caller is no administrator.
    #[error("this is for administrators")]
    Forbidden,
    /// The token bucket is empty.
    #[error("too many requests, try again in {retry_after_s} s")]
    RateLimited {
        /// Seconds until the bucket holds a token again.
        retry_after_s: u64,
    },
    /// The client has too many requests under way.
    #[error("too many requests of yours are under way, wait for some of their answers")]
    TooManyAtOnce,
    /// The body is over the limit.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(u64),
    /// The body stopped coming.
    #[error("the body did not arrive in time")]
    BodyStalled,
    /// The body ended before it was complete.
    #[error("the body is incomplete")]
    BodyBroken,
    /// The session cannot be checked.
    #[error("sessions cannot be checked at the moment, try again shortly")]
    Sessions(#[from] Unavailable),
    /// The token cannot be checked.
    #[error("tokens cannot be checked at the moment, try again shortly")]
    Keys(#[from] NoKeys),
    /// The service did not answer.
    #[error("{0}")]
    Upstream(#[from] CallError),
    /// The service's answer is none that may pass.
    #[error("a service that this needs gave no usable answer; what was asked may have been done")]
    Unusable(#[from] answer::Unusable),
    /// The identity could not be signed.
    #[error("internal error")]
    Identity(#[from] web::identity::IdentityError),
}

/// `Retry-After` while Redis or user-service's keys are unavailable.
const RETRY_AFTER_S: u64 = 2;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Path(_) => Self::bad_request("path-not-allowed", detail),
            Error::Host => Self::bad_request("host-not-allowed", detail),
            Error::ForeignHost => Self::new(StatusCode::MISDIRECTED_REQUEST, "host-unknown", detail),
            Error::TransferEncoding => Self::new(StatusCode::NOT_IMPLEMENTED, "transfer-encoding-unknown", detail),
            Error::Unreadable(status) => Self::new(status, unreadable_code(status), detail),
            Error::Method(_) => Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail),
            Error::NoRoute => Self::new(StatusCode::NOT_FOUND, "not-found", detail),
            Error::TokenMissing => Self::unauthorized("token-missing", detail),
            Error::Token(TokenFault::Expired) => Self::unauthorized("token-expired", detail),
            Error::Token(_) => Self::unauthorized("token-invalid", detail),
            Error::SessionEnded => Self::unauthorized("session-ended", detail),
            Error::Forbidden => Self::forbidden(detail),
            Error::RateLimited { retry_after_s } => Self {
                retry_after_s: Some(retry_after_s),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", detail)
            },
            Error::TooManyAtOnce => Self {
                retry_after_s: Some(1),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-at-once", detail)
            },
            Error::BodyTooLarge(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail),
            Error::BodyStalled => Self::new(StatusCode::REQUEST_TIMEOUT, "body-stalled", detail),
            Error::BodyBroken => Self::bad_request("body-incomplete", detail),
            Error::Sessions(cause) => Self::unavailable(detail, RETRY_AFTER_S).caused_by(cause),
            Error::Keys(cause) => Self::unavailable(detail, RETRY_AFTER_S).caused_by(cause),
            Error::Upstream(cause) => cause.into(),
            Error::Unusable(cause) => Self::new(StatusCode::BAD_GATEWAY, "upstream-unusable", detail).caused_by(cause),
            Error::Identity(cause) => Self::internal(cause),
        }
    }
}

fn unreadable(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the request's head has more than 64 headers, or more than 32 KiB"
        }
        StatusCode::URI_TOO_LONG => "the path and query are too long",
        _ => "the request is not valid HTTP/1.1: check its first line, headers and framing",
    }
}

fn unreadable_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "head-too-large",
        StatusCode::URI_TOO_LONG => "target-too-long",
        _ => "request-malformed",
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let allow = match &self {
            Self::Method(allow) => HeaderValue::from_str(allow).ok(),
            _ => None,
        };
        let mut response = Problem::from(self).into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}
