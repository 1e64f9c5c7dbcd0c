//! How a request can fail, and how that looks to the client.

use crate::{domain::product::InvalidField, store};
use axum::response::{IntoResponse, Response};
use shared::problem::Problem;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the body cannot be used.
    #[error(transparent)]
    InvalidField(#[from] InvalidField),
    /// The query of the listing cannot be used.
    #[error("{0}")]
    InvalidQuery(&'static str),
    /// No such product.
    #[error("there is no such product")]
    NotFound,
    /// More would be written off than is available.
    #[error("fewer pieces are available than are to be taken away; reserved ones cannot be")]
    StockTooLow,
    /// The database failed.
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
