//! What can go wrong with a request.

use axum::response::{IntoResponse, Response};
use shared::problem::Problem;

/// Every way in which an endpoint fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no such notification, or it is somebody else's")]
    NotFound,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("notification"),
            Error::Database(error) => error.into(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
