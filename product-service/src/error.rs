//! Errors of requests, and the problems that clients see.

use crate::{domain::product::InvalidField, store};
use axum::response::{IntoResponse, Response};
use web::problem::Problem;

/// An error of a request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    InvalidField(#[from] InvalidField),
    /// The query of the listing contradicts itself or a limit.
    #[error("{0}")]
    InvalidQuery(&'static str),
    #[error("there is no such product")]
    NotFound,
    /// More pieces would be written off than are available.
    #[error("fewer pieces are available than are to be taken away; reserved ones cannot be")]
    StockTooLow,
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if store::is_stock_too_low(&error) {
            Self::StockTooLow
        } else {
            Self::Database(error)
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidField(field) => Self::bad_request("invalid-field", field.to_string()),
            Error::InvalidQuery(rule) => Self::bad_request("invalid-query", rule),
            Error::NotFound => Self::not_found("product"),
            Error::StockTooLow => Self::conflict("stock-too-low", Error::StockTooLow.to_string()),
            Error::Database(cause) => Self::from(cause),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
