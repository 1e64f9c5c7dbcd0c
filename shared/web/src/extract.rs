//! axum's extractors, with refusals that are problems and say what to do.

use crate::problem::Problem;
use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{BytesRejection, FailedToBufferBody, JsonRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts};
use serde::{Serialize, de::DeserializeOwned};

/// A JSON body, in or out.
///
/// In: refused with 415 for another content type, 413 if too large, 400 with the place and the reason if it is not JSON
/// or does not fit `T`. Whether unknown fields are allowed is up to `T`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

/// The path's parameters; refused with 400 if they do not parse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

/// The query string; refused with 400 if it does not fit `T`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

#[expect(
    clippy::disallowed_types,
    reason = "the one place that turns its refusals into problems"
)]
impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = axum::Json::<T>::from_request(request, state).await;
        body.map(|axum::Json(value)| Self(value))
            .map_err(|refusal| refused_body(&refusal))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

#[expect(
    clippy::disallowed_types,
    reason = "the one place that turns its refusals into problems"
)]
impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(refused_path)
    }
}

#[expect(
    clippy::disallowed_types,
    reason = "the one place that turns its refusals into problems"
)]
impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|refusal: QueryRejection| {
                Problem::bad_request(
                    "query-invalid",
                    format!("the query string does not fit: {}", reason(&refusal.body_text())),
                )
            })
    }
}

fn refused_body(refusal: &JsonRejection) -> Problem {
    match refusal {
        JsonRejection::JsonDataError(error) => Problem::bad_request(
            "body-invalid",
            format!("the body does not fit: {}", reason(&error.body_text())),
        ),
        JsonRejection::JsonSyntaxError(error) => Problem::bad_request(
            "body-malformed",
            format!("the body is not JSON: {}", reason(&error.body_text())),
        ),
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type-unsupported",
            "send a JSON body with Content-Type: application/json",
        ),
        JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_))) => {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "the body is larger than this path takes",
            )
        }
        _ => Problem::bad_request("body-incomplete", "the body could not be read to its end"),
    }
}

fn refused_path(refusal: PathRejection) -> Problem {
    match refusal {
        PathRejection::FailedToDeserializePathParams(error) => Problem::bad_request(
            "path-invalid",
            format!("the path does not fit: {}", reason(&error.body_text())),
        ),
        other => Problem::internal(other),
    }
}

/// axum's texts are a fixed sentence, a colon, and what the client wants to know.
fn reason(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(_sentence, reason)| reason)
}

#[cfg(test)]
mod tests;
