//! Failures of handlers and jobs, by the reaction that each requires.

use database::error::{is_conflict, is_unavailable, is_unstorable};
use std::time::Duration;

/// A failure of an event's handler or of a job.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A dependency (database, broker) is unavailable: wait for it, and count no attempt.
    #[error("a dependency is unavailable: {0}")]
    Infrastructure(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A deadlock or serialization failure: try the same again at once.
    #[error("a conflict with another transaction: {0}")]
    Conflict(#[source] sqlx::Error),
    /// May succeed later: retry with growing delays, up to a limit.
    #[error("{reason}")]
    Transient {
        /// The cause, for operators.
        reason: String,
        /// Least delay before the next attempt; `None` leaves it to the retry policy.
        after: Option<Duration>,
    },
    /// Nothing was sent: the upstream's circuit is open, or no connection could be made. A job counts no attempt, and the
    /// other jobs of its kind wait as well. From an event's handler, which calls no upstream, it is treated as transient.
    #[error("{reason}")]
    NotTried {
        /// The unavailable upstream, for operators.
        reason: String,
        /// Least delay before the next attempt.
        after: Duration,
    },
    /// Will never succeed: a dead letter at once; a job is parked.
    #[error("{reason}")]
    Permanent {
        /// The cause, for operators.
        reason: String,
    },
}

impl Failure {
    /// Creates a permanent failure.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into() }
    }

    /// Creates a transient failure whose delay is the retry policy's.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            after: None,
        }
    }

    /// Creates a failure of an attempt that sent nothing at all, and need not be repeated before `after`.
    pub fn not_tried(after: Duration, reason: impl Into<String>) -> Self {
        Self::NotTried {
            reason: reason.into(),
            after,
        }
    }

    /// Creates a transient failure that need not be retried before `after`.
    pub fn retry_after(after: Duration, reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            after: Some(after),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        if is_unavailable(&error) {
            Self::Infrastructure(Box::new(error))
        } else if is_conflict(&error) {
            Self::Conflict(error)
        } else if is_unstorable(&error) {
            Self::permanent(format!("database: {error}"))
        } else {
            Self::transient(format!("database: {error}"))
        }
    }
}
