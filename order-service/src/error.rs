//! The errors of the endpoints, and their problems.

use crate::{
    catalogue::CatalogueError,
    domain::{
        Refusal,
        basket::{InvalidBasket, PricingRefusal},
    },
    transition::TransitionError,
    users::UserRefusal,
};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http_client::CallError;
use web::problem::Problem;

/// `Retry-After` where the failed call does not suggest one.
const RETRY_AFTER_S: u64 = 2;

/// An error of an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The order does not exist, or belongs to another user.
    #[error("there is no such order")]
    NoSuchOrder,
    /// The header is missing, repeated, or not a valid key.
    #[error("send one Idempotency-Key header of 1 to 255 visible ASCII characters")]
    BadIdempotencyKey,
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyOfOtherRequest,
    /// The first request with the key is under way.
    #[error("a request with this Idempotency-Key is being worked on; try again shortly")]
    KeyInFlight,
    /// The basket is invalid by itself.
    #[error(transparent)]
    InvalidBasket(#[from] InvalidBasket),
    /// A conditional header is malformed.
    #[error("{0} must be * or a list of entity tags in double quotes")]
    BadCondition(&'static str),
    /// The order has changed since the client read it.
    #[error("the order has changed: its entity tag is no longer the one in If-Match")]
    Changed,
    /// The basket cannot be priced.
    #[error(transparent)]
    Pricing(#[from] PricingRefusal),
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// user-service refuses the user or is unavailable.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// product-service is unavailable.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The answer cannot be serialized.
    #[error(transparent)]
    Encoding(#[from] serde_json::Error),
}

impl From<TransitionError> for Error {
    fn from(error: TransitionError) -> Self {
        match error {
            TransitionError::Refused(refusal) => Self::Refused(refusal),
            TransitionError::Database(error) => Self::Database(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NoSuchOrder => Self::not_found("order"),
            Error::BadIdempotencyKey => Self::bad_request("idempotency-key-invalid", detail),
            Error::KeyOfOtherRequest => Self::unprocessable("idempotency-key-reused", detail),
            Error::KeyInFlight => Self {
                retry_after_s: Some(1),
                ..Self::conflict("idempotency-key-in-flight", detail)
            },
            Error::InvalidBasket(_) => Self::bad_request("order-invalid", detail),
            Error::BadCondition(_) => Self::bad_request("condition-invalid", detail),
            Error::Changed => Self::new(StatusCode::PRECONDITION_FAILED, "order-changed", detail),
            Error::Pricing(PricingRefusal::NotOnSale(_)) => Self::unprocessable("product-not-on-sale", detail),
            Error::Pricing(PricingRefusal::MixedCurrencies) => Self::unprocessable("currencies-mixed", detail),
            Error::Pricing(PricingRefusal::TooLarge) => Self::unprocessable("total-too-large", detail),
            Error::Refused(refusal) => refused(refusal),
            Error::User(UserRefusal::Unknown) => Self::new(StatusCode::FORBIDDEN, "user-unknown", detail),
            Error::User(refusal @ UserRefusal::Unavailable(_)) => {
                let retry_after_s = match &refusal {
                    UserRefusal::Unavailable(Some(error)) => retry_after_s(error),
                    _ => RETRY_AFTER_S,
                };
                Self::unavailable("users cannot be checked just now, try again shortly", retry_after_s)
                    .caused_by(refusal)
            }
            Error::Catalogue(error) => {
                let retry_after_s = match &error {
                    CatalogueError::Call(error) => retry_after_s(error),
                    CatalogueError::Unusable { .. } => RETRY_AFTER_S,
                };
                Self::unavailable("prices cannot be looked up just now, try again shortly", retry_after_s)
                    .caused_by(error)
            }
            Error::Database(error) => error.into(),
            Error::Encoding(error) => Self::internal(error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

fn refused(refusal: Refusal) -> Problem {
    let detail = match refusal {
        Refusal::Transition { from, to } => {
            format!("the order is {from}, it cannot become {to}")
        }
        Refusal::Impossible { status, .. } => format!("the order is {status}, which does not allow this"),
    };
    Problem::conflict("order-status", detail)
}

/// Returns the `Retry-After` that the failed call suggests.
fn retry_after_s(error: &CallError) -> u64 {
    error.retry_after_s().unwrap_or(RETRY_AFTER_S)
}
