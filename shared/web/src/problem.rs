//! Errors as clients see them: `application/problem+json` (RFC 9457), rendered at one place.
//!
//! A handler returns a [`Problem`] (mostly by way of its service's own error type). The outermost layer of every router
//! (the server of `runtime`) writes the body, adds the correlation id and logs the hidden cause once.

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use database::error::{ErrorClass, classify};
use http::{
    HeaderName, HeaderValue, Method, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_client::CallError;
use kernel::{
    chain,
    context::{CORRELATION_HEADER, Context},
};
use serde::Serialize;
use std::{error::Error, sync::Arc};
use tracing::Level;

/// An error answer. `detail` is for the client; the cause goes to the log and never to a client.
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status of the answer.
    pub status: StatusCode,
    /// Stable machine-readable name, e.g. `idempotency-key-missing`.
    pub code: &'static str,
    /// Explanation for the client: the fault, and what to do about it.
    pub detail: String,
    /// Sent as `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
    /// Logged, never sent.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
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

    /// Creates a 400 (bad request).
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// Creates a 401 (unauthorized).
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    /// Creates a 403 (forbidden).
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Creates a 404 (not found), which is also the answer for another user's resource.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what}"))
    }

    /// Creates a 409 (conflict).
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// Creates a 422 (unprocessable content).
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
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error").caused_by(cause)
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn caused_by(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..self
        }
    }
}

/// 503 for what the request is not at fault for and a later one may not meet, 400 for a value that can never be stored, 500
/// for any other error.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match classify(&error) {
            ErrorClass::Unavailable | ErrorClass::Unfit => {
                Self::unavailable("the service cannot use its database, try again shortly", 2).caused_by(error)
            }
            ErrorClass::Busy | ErrorClass::Conflict => {
                Self::unavailable("others are changing what this needs, try again shortly", 1).caused_by(error)
            }
            ErrorClass::Unstorable => {
                let detail = "a value in the request cannot be stored, such as a text with a NUL character";
                Self::bad_request("unstorable", detail).caused_by(error)
            }
            ErrorClass::Refused => Self::internal(error),
        }
    }
}

/// The answer when there is no fallback for the call, with the error as the hidden cause.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let (code, detail) = match &error {
            CallError::Open { .. } | CallError::Connect { .. } => (
                "unavailable",
                "a service that this needs cannot be reached, try again shortly",
            ),
            CallError::Bulkhead { .. } => ("unavailable", "too much is being asked at once, try again shortly"),
            CallError::Deadline { .. } | CallError::Timeout { .. } => (
                "upstream-timeout",
                "a service that this needs did not answer in time; what was asked may have been done",
            ),
            CallError::Broken { .. } | CallError::TooLong { .. } | CallError::Decode(_) => (
                "upstream-unusable",
                "a service that this needs gave no usable answer; what was asked may have been done",
            ),
            CallError::Encode(_) | CallError::Header(_) => ("internal", "internal error"),
            CallError::Path { .. } => ("path-invalid", "the path must be written in its plainest form"),
        };
        Self {
            retry_after_s: error.retry_after_s(),
            ..Self::new(error.status(), code, detail)
        }
        .caused_by(error)
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

/// The media type of a problem.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// `code` of errors that no handler made: their status says all there is.
const BARE: &str = "";

/// A problem as it stands on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body9457<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'a str,
    correlation_id: &'a str,
}

/// axum middleware, outermost of every router: the one place where an error gets its body, its log line and its headers.
///
/// It also gives the request its [`Context`], puts `X-Correlation-Id` on every answer, and turns errors without a problem (no
/// such route, method not allowed, body too large, timeout, panic) into problems.
pub async fn render(mut request: Request, next: Next) -> Response {
    let rendering = Rendering::of(&request);
    request.extensions_mut().insert(rendering.context.clone());
    let mut response = next.run(request).await;
    rendering.finish(&mut response);
    response
}

/// The two halves of [`render`], for a server that has no layers.
pub struct Rendering {
    context: Context,
    method: Method,
    uri: Uri,
}

impl Rendering {
    /// Reads what the answer and the log will need of a request.
    pub fn of(request: &Request) -> Self {
        let known = request.extensions().get::<Context>().cloned();
        Self {
            context: known.unwrap_or_else(|| Context::from_headers(request.headers())),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// Returns the context of the request.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Writes the body of an error, and `X-Correlation-Id`.
    pub fn finish(self, response: &mut Response) {
        if let Some(problem) = problem_of(response) {
            log(&problem, &self.context, &format!("{} {}", self.method, self.uri.path()));
            write(&problem, &self.context, response);
        }
        if let Ok(id) = HeaderValue::from_str(&self.context.correlation_id) {
            response.headers_mut().insert(CORRELATION_ID, id);
        }
    }
}

const CORRELATION_ID: HeaderName = HeaderName::from_static(CORRELATION_HEADER);

fn problem_of(response: &mut Response) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    let written_by_a_handler = response.headers().get(CONTENT_TYPE).is_some_and(|media_type| {
        // axum's and tower's own refusals are plain text.
        !media_type.as_bytes().starts_with(b"text/plain")
    });
    let is_error = status.is_client_error() || status.is_server_error();
    (is_error && !written_by_a_handler).then(|| Problem::new(status, BARE, bare_detail(status)))
}

fn bare_detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this path",
        StatusCode::METHOD_NOT_ALLOWED => "this path does not know the method; see the Allow header",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than this path takes",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "this path does not take a body of this media type",
        StatusCode::REQUEST_TIMEOUT => "the request did not arrive in time",
        status if status.is_server_error() => "internal error",
        _ => "the request cannot be understood",
    }
}

fn log(problem: &Problem, context: &Context, asked: &str) {
    let status = problem.status.as_u16();
    let (code, detail) = (problem.code, problem.detail.as_str());
    let correlation_id = context.correlation_id.as_str();
    let cause = problem.cause.as_deref().map(|cause| chain(cause));
    match level(problem) {
        Level::ERROR => {
            tracing::error!(
                http.status = status,
                problem.code = code,
                detail,
                error = cause,
                correlation_id,
                http.request = asked,
                "Request failed"
            );
        }
        Level::INFO => {
            tracing::info!(
                http.status = status,
                problem.code = code,
                detail,
                error = cause,
                correlation_id,
                http.request = asked,
                "Request refused"
            );
        }
        _ => tracing::debug!(
            http.status = status,
            problem.code = code,
            detail,
            correlation_id,
            http.request = asked,
            "Request refused"
        ),
    }
}

/// A 503 without a cause is a decision (starting, stopping, too busy) and no failure: probes get it once a second.
fn level(problem: &Problem) -> Level {
    let decided = problem.status == StatusCode::SERVICE_UNAVAILABLE && problem.cause.is_none();
    if problem.status.is_server_error() && !decided {
        Level::ERROR
    } else if problem.cause.is_some() {
        Level::INFO
    } else {
        Level::DEBUG
    }
}

fn write(problem: &Problem, context: &Context, response: &mut Response) {
    let body = Body9457 {
        r#type: if problem.code == BARE {
            "about:blank".to_owned()
        } else {
            format!("/problems/{}", problem.code)
        },
        title: problem.status.canonical_reason().unwrap_or("Error"),
        status: problem.status.as_u16(),
        detail: &problem.detail,
        code: problem.code,
        correlation_id: &context.correlation_id,
    };
    let bytes = serde_json::to_vec(&body).expect("strings and numbers have a JSON form");
    *response.body_mut() = Body::from(bytes);
    *response.status_mut() = problem.status;
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    if let Some(seconds) = problem.retry_after_s {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

#[cfg(test)]
mod tests;
