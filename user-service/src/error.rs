//! How requests to this service fail, and what the client is told.

use crate::store::users::EMAIL_TAKEN;
use axum::response::{IntoResponse, Response};
use deadpool_redis::redis::RedisError;
use shared::problem::Problem;

/// Every way in which a request can fail, besides bodies and paths that do not parse.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another user has this e-mail address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// No such user, or not their password: nobody is told which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// A refresh token that we did not give, or whose session is over.
    #[error("the refresh token is not valid")]
    RefreshTokenInvalid,
    /// A refresh token that was exchanged before.
    #[error("the refresh token was used before")]
    RefreshTokenReused,
    /// A change that names nothing to change.
    #[error("nothing to change")]
    NothingToChange,
    /// No such user, or not the caller.
    #[error("no such user")]
    NoSuchUser,
    /// The refresh token belongs to no session of the caller.
    #[error("no such session")]
    NoSuchSession,
    /// All password workers are taken.
    #[error("all password workers are busy")]
    Busy,
    /// Redis cannot be reached, or is too slow.
    #[error("the sessions cannot be reached")]
    SessionsAway(#[from] SessionsAway),
    /// A password could not be hashed or its hash not be read.
    #[error("hashing failed")]
    Hashing(#[from] argon2::password_hash::Error),
    /// The hashing thread broke.
    #[error("a password worker broke")]
    Worker(#[source] tokio::task::JoinError),
    /// An access token could not be signed.
    #[error("signing failed")]
    Signing(#[from] jsonwebtoken::errors::Error),
    /// The operating system gave no random numbers.
    #[error("no random numbers")]
    Random(#[from] getrandom::Error),
    /// The database refused, or is away.
    #[error("database")]
    Database(#[source] sqlx::Error),
}

/// Why Redis did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionsAway {
    /// No connection to be had.
    #[error("no connection to Redis")]
    Pool(#[from] deadpool_redis::PoolError),
    /// It refused or broke off.
    #[error("Redis failed")]
    Redis(#[from] RedisError),
    /// It did not answer in time.
    #[error("Redis did not answer in time")]
    TimedOut,
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
            Error::Busy => Self::unavailable("too many people are logging in, try again shortly", 2),
            Error::SessionsAway(cause) => {
                Self::unavailable("the service cannot reach its sessions, try again shortly", 2).caused_by(cause)
            }
            Error::Database(error) => error.into(),
            Error::Hashing(_) | Error::Worker(_) | Error::Signing(_) | Error::Random(_) => Self::internal(error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
