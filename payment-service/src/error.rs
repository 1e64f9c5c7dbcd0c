//! How a request can fail, and how that looks to the client.

use axum::response::{IntoResponse, Response};
use shared::problem::Problem;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such payment, or somebody else's.
    #[error("there is no such payment")]
    NotFound,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found("payment"),
            Error::Database(cause) => Self::from(cause),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
