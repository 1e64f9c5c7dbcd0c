//! The error of a call.

use crate::breaker::NotPermitted;
use http::StatusCode;
use std::{sync::Arc, time::Duration};

/// An error of one of the two transports: reqwest's for calls, hyper's for forwarded requests.
pub type TransportError = Box<dyn std::error::Error + Send + Sync>;

/// A call without an answer. An answer with an error status is not one of these: it is an [`crate::Answer`].
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The breaker refused the call; nothing was sent.
    #[error("the circuit of {target} is open")]
    Open {
        /// Name of the upstream.
        target: Arc<str>,
        /// Time until the next probe.
        retry_after: Duration,
    },
    /// The bulkhead had no permit in time; nothing was sent.
    #[error("too many calls to {target} are under way")]
    Bulkhead {
        /// Name of the upstream.
        target: Arc<str>,
    },
    /// The call's deadline passed, while an attempt was under way or before one could be.
    #[error("the deadline of the call to {target} has passed")]
    Deadline {
        /// Name of the upstream.
        target: Arc<str>,
        /// True if an attempt was begun, so that something may have been sent.
        sent: bool,
    },
    /// The last attempt took too long.
    #[error("{target} did not answer in time")]
    Timeout {
        /// Name of the upstream.
        target: Arc<str>,
    },
    /// No connection could be made; nothing was sent.
    #[error("{target} cannot be reached")]
    Connect {
        /// Name of the upstream.
        target: Arc<str>,
        /// Error of the transport.
        #[source]
        source: TransportError,
    },
    /// The connection broke after something was sent.
    #[error("the connection to {target} broke")]
    Broken {
        /// Name of the upstream.
        target: Arc<str>,
        /// Error of the transport.
        #[source]
        source: TransportError,
    },
    /// The answer is longer than the client takes.
    #[error("the answer of {target} is too long")]
    TooLong {
        /// Name of the upstream.
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
        /// Beginning of the path, at most 200 characters.
        path: String,
    },
}

impl CallError {
    /// Returns true if the call may have had its effect: something was sent, and no answer tells the outcome.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Deadline { sent, .. } => *sent,
            Self::Timeout { .. } | Self::Broken { .. } | Self::TooLong { .. } | Self::Decode(_) => true,
            Self::Open { .. }
            | Self::Bulkhead { .. }
            | Self::Connect { .. }
            | Self::Encode(_)
            | Self::Header(_)
            | Self::Path { .. } => false,
        }
    }

    /// Returns the HTTP status that a server answers with when it has no fallback for this call.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Open { .. } | Self::Bulkhead { .. } | Self::Connect { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Deadline { .. } | Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Broken { .. } | Self::TooLong { .. } | Self::Decode(_) => StatusCode::BAD_GATEWAY,
            Self::Encode(_) | Self::Header(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Path { .. } => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the value for `Retry-After` in whole seconds, rounded up: a caller that comes back too early is refused again.
    /// `None` unless the status is 503.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Open { retry_after, .. } => Some(seconds_up(*retry_after)),
            Self::Bulkhead { .. } => Some(1),
            Self::Connect { .. } => Some(2),
            _ => None,
        }
    }

    /// Returns true if nothing of the call has reached the upstream.
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
            Self::connect(target, source)
        } else if source.is_timeout() {
            Self::Timeout { target }
        } else {
            Self::broken(target, source)
        }
    }

    pub(super) fn forwarding(target: &Arc<str>, source: hyper_util::client::legacy::Error) -> Self {
        let target = Arc::clone(target);
        if source.is_connect() {
            Self::connect(target, source)
        } else {
            Self::broken(target, source)
        }
    }

    fn connect(target: Arc<str>, source: impl Into<TransportError>) -> Self {
        let source = source.into();
        Self::Connect { target, source }
    }

    fn broken(target: Arc<str>, source: impl Into<TransportError>) -> Self {
        let source = source.into();
        Self::Broken { target, source }
    }

    /// Unwraps the error that a middleware put into the chain's own error type.
    pub(super) fn from_chain(target: &Arc<str>, error: reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Reqwest(error) => Self::transport(target, error),
            reqwest_middleware::Error::Middleware(error) => {
                error.downcast::<Self>().expect("our middleware makes no other error")
            }
        }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration
        .as_millis()
        .div_ceil(1000)
        .try_into()
        .unwrap_or(u64::MAX)
        .max(1)
}
