//! The errors of this service, and the problems that clients see.

use crate::{session_cache::CacheError, store::users::EMAIL_TAKEN};
use axum::response::{IntoResponse, Response};
use web::problem::Problem;

/// An error of a request, apart from bodies and paths that do not parse.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The e-mail address or the password is wrong. The response does not say which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The refresh token is unknown or expired, or its session has ended.
    #[error("the refresh token is not valid")]
    RefreshTokenInvalid,
    /// The refresh token was exchanged before.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// The change names no field.
    #[error("nothing to change")]
    NothingToChange,
    /// The user does not exist, or is not the caller.
    #[error("no such user")]
    NoSuchUser,
    /// The refresh token belongs to no session of the caller.
    #[error("no such session")]
    NoSuchSession,
    /// No hashing permit came free in time.
    #[error("too many passwords are being hashed")]
    HashingBusy,
    #[error("the session cache is unavailable")]
    SessionCache(#[from] CacheError),
    /// The password could not be hashed, or the stored hash could not be read.
    #[error("hashing failed")]
    Hashing(#[from] argon2::password_hash::Error),
    #[error("the hashing thread panicked")]
    HashingPanicked(#[source] tokio::task::JoinError),
    #[error("the access token could not be signed")]
    Signing(#[from] jsonwebtoken::errors::Error),
    #[error("the operating system gave no random numbers")]
    Random(#[from] getrandom::Error),
    #[error("database")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::constraint);
        if constraint == Some(EMAIL_TAKEN) {
            Self::EmailTaken
        } else {
            Self::Database(error)
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::EmailTaken => Self::conflict("email-taken", "there is an account with this e-mail address already"),
            Error::WrongCredentials => {
                Self::unauthorized("credentials-wrong", "the e-mail address or the password is wrong")
            }
            Error::RefreshTokenInvalid => Self::unauthorized(
                "refresh-token-invalid",
                "the refresh token is unknown, or its session is over: log in again",
            ),
            Error::RefreshTokenReused => Self::unauthorized(
                "refresh-token-reused",
                "the refresh token was used before, so it may have been copied; its session has been ended: log in again",
            ),
            Error::NothingToChange => Self::bad_request("nothing-to-change", "send name, email or both"),
            Error::NoSuchUser => Self::not_found("user"),
            Error::NoSuchSession => Self::not_found("session"),
            Error::HashingBusy => Self::unavailable("too many passwords are being hashed, try again shortly", 2),
            Error::SessionCache(cause) => {
                Self::unavailable("the service cannot reach its sessions, try again shortly", 2).caused_by(cause)
            }
            Error::Database(error) => error.into(),
            Error::Hashing(_) | Error::HashingPanicked(_) | Error::Signing(_) | Error::Random(_) => {
                Self::internal(error)
            }
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
