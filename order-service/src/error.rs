//! Everything that an endpoint can answer instead of what was asked for.

use crate::{
    catalogue::CatalogueError,
    domain::{
        Refusal,
        basket::{PricingRefusal, WishRefusal},
    },
    saga::AdvanceError,
    users::UserRefusal,
};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::problem::Problem;

/// When to try again where nobody knows better.
const RETRY_AFTER_S: u64 = 2;

/// Why an endpoint refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such order, or it is somebody else's.
    #[error("there is no such order")]
    NoSuchOrder,
    /// The header is missing, there twice, or no key.
    #[error("send one Idempotency-Key header of 1 to 255 visible ASCII characters")]
    BadIdempotencyKey,
    /// The key belongs to another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyOfOtherRequest,
    /// The first request with the key is not finished.
    #[error("a request with this Idempotency-Key is being worked on; try again shortly")]
    KeyInFlight,
    /// Something about the request that no catalogue is needed to see.
    #[error(transparent)]
    Wish(#[from] WishRefusal),
    /// A conditional header that cannot be read.
    #[error("{0} must be * or a list of entity tags in double quotes")]
    BadCondition(&'static str),
    /// The order has changed since.
    #[error("the order has changed: its entity tag is no longer the one in If-Match")]
    Changed,
    /// The catalogue makes the order impossible.
    #[error(transparent)]
    Pricing(#[from] PricingRefusal),
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// user-service refuses or is away.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// product-service is away.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// An answer could not be written.
    #[error(transparent)]
    Encoding(#[from] serde_json::Error),
}

impl From<AdvanceError> for Error {
    fn from(error: AdvanceError) -> Self {
        match error {
            AdvanceError::Refused(refusal) => Self::Refused(refusal),
            AdvanceError::Database(error) => Self::Database(error),
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
            Error::Wish(_) => Self::bad_request("order-invalid", detail),
            Error::BadCondition(_) => Self::bad_request("condition-invalid", detail),
            Error::Changed => Self::new(StatusCode::PRECONDITION_FAILED, "order-changed", detail),
            Error::Pricing(PricingRefusal::NotOnSale(_)) => Self::unprocessable("product-not-on-sale", detail),
            Error::Pricing(PricingRefusal::MixedCurrencies) => Self::unprocessable("currencies-mixed", detail),
            Error::Pricing(PricingRefusal::TooLarge) => Self::unprocessable("total-too-large", detail),
            Error::Refused(refusal) => refused(refusal),
            Error::User(UserRefusal::Unknown) => Self::new(StatusCode::FORBIDDEN, "user-unknown", detail),
            Error::User(refusal @ UserRefusal::Away(_)) => {
                let retry_after_s = match &refusal {
                    UserRefusal::Away(Some(error)) => retry_after_s(error),
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
            format!("the order is {}, it cannot become {}", from.as_str(), to.as_str())
        }
        Refusal::Impossible { status, .. } => format!("the order is {}, which does not allow this", status.as_str()),
    };
    Problem::conflict("order-status", detail)
}

/// What the client that called says about when to try again.
fn retry_after_s(error: &shared::http_client::CallError) -> u64 {
    error.problem().retry_after_s.unwrap_or(RETRY_AFTER_S)
}
