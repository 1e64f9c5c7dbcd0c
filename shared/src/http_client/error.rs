//! Why a call brought no answer.

use super::breaker::NotPermitted;
use crate::problem::Problem;
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// A call that brought no answer. An answer with an error status is not one of these: it is an [`super::Answer`].
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The breaker refused the call; nothing was sent.
    #[error("the circuit of {target} is open")]
    Open {
        /// The upstream.
        target: Arc<str>,
        /// Not before this much time has passed.
        retry_after: Duration,
    },
    /// Too many calls are under way; nothing was sent.
    #[error("too many calls to {target} are under way")]
    Bulkhead {
        /// The upstream.
        target: Arc<str>,
    },
    /// The call's deadline passed, while an attempt was under way or before one could be.
    #[error("the deadline of the call to {target} has passed")]
    Deadline {
        /// The upstream.
        target: Arc<str>,
        /// Whether an attempt was begun, so that something may have been sent.
        sent: bool,
    },
    /// The last attempt took too long.
    #[error("{target} did not answer in time")]
    Timeout {
        /// The upstream.
        target: Arc<str>,
    },
    /// No connection could be made; nothing was sent.
    #[error("{target} cannot be reached")]
    Connect {
        /// The upstream.
        target: Arc<str>,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke after something was sent.
    #[error("the connection to {target} broke")]
    Broken {
        /// The upstream.
        target: Arc<str>,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is longer than the client takes.
    #[error("the answer of {target} is too long")]
    TooLong {
        /// The upstream.
        target: Arc<str>,
    },
    /// The answer's body is not what was expected.
    #[error("the answer cannot be read")]
    Decode(#[source] serde_json::Error),
    /// The body to be sent has no JSON form; nothing was sent.
    #[error("the request cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// A header to be sent is not one; nothing was sent.
    #[error("the request has an unusable header")]
    Header(#[source] http::Error),
    /// The path is not one that arrives as it was written; nothing was sent.
    #[error("`{path}` does not stay the same on its way")]
    Path {
        /// Its beginning.
        path: String,
    },
    /// The body that was to be streamed on did not come, or broke off.
    #[error("the body to be sent to {target} did not come")]
    Upload {
        /// The upstream.
        target: Arc<str>,
    },
}

impl CallError {
    /// Whether the call may have had its effect: something was sent and no answer tells what came of it.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Deadline { sent, .. } => *sent,
            Self::Timeout { .. }
            | Self::Broken { .. }
            | Self::TooLong { .. }
            | Self::Decode(_)
            | Self::Upload { .. } => true,
            Self::Open { .. }
            | Self::Bulkhead { .. }
            | Self::Connect { .. }
            | Self::Encode(_)
            | Self::Header(_)
            | Self::Path { .. } => false,
        }
    }

    /// What to answer when there is no fallback. `Problem::from(error)` is the same with the error as its cause.
    pub fn problem(&self) -> Problem {
        let away = "a service that this needs cannot be reached, try again shortly";
        match self {
            Self::Open { retry_after, .. } => Problem::unavailable(away, seconds_up(*retry_after)),
            Self::Bulkhead { .. } => Problem::unavailable("too much is being asked at once, try again shortly", 1),
            Self::Connect { .. } => Problem::unavailable(away, 2),
            Self::Deadline { .. } | Self::Timeout { .. } => Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                "upstream-timeout",
                "a service that this needs did not answer in time; what was asked may have been done",
            ),
            Self::Broken { .. } | Self::TooLong { .. } | Self::Decode(_) => Problem::new(
                StatusCode::BAD_GATEWAY,
                "upstream-unusable",
                "a service that this needs gave no usable answer; what was asked may have been done",
            ),
            Self::Encode(_) | Self::Header(_) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something went wrong on our side",
            ),
            Self::Path { .. } => Problem::bad_request("path-invalid", "the path must be written in its plainest form"),
            Self::Upload { .. } => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "body-incomplete",
                "the body did not arrive in time",
            ),
        }
    }

    /// Whether the upstream was never told of the call.
    pub(super) fn nothing_sent(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Bulkhead { .. } | Self::Connect { .. })
    }

    pub(super) fn open(target: &Arc<str>, refusal: NotPermitted) -> Self {
        Self::Open {
            target: Arc::clone(target),
            retry_after: refusal.retry_after,
        }
    }

    pub(super) fn transport(target: &Arc<str>, source: reqwest::Error) -> Self {
        let target = Arc::clone(target);
        if source.is_connect() {
            Self::Connect { target, source }
        } else if source.is_timeout() {
            Self::Timeout { target }
        } else {
            Self::Broken { target, source }
        }
    }

    /// Takes back out what our middleware put into the chain's own error type.
    pub(super) fn from_chain(target: &Arc<str>, error: reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Reqwest(error) => Self::transport(target, error),
            reqwest_middleware::Error::Middleware(error) => {
                error.downcast::<Self>().expect("our middleware makes no other error")
            }
        }
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        error.problem().caused_by(error)
    }
}

/// `Retry-After` has whole seconds; a caller that comes back too early is refused again.
fn seconds_up(duration: Duration) -> u64 {
    duration
        .as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
        .max(1)
}
