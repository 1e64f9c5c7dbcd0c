//! Failures of handlers and jobs, by the reaction that each requires.

use database::error::{ErrorClass, classify};
use std::{error::Error, time::Duration};

/// A failure of an event's handler or of a job.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A dependency (database, broker) is unavailable, or not as this program needs it: wait for it, and count no attempt.
    #[error("a dependency is unavailable: {0}")]
    Infrastructure(#[source] Box<dyn Error + Send + Sync>),
    /// A lock or a statement took longer than its limit. If the database answers otherwise, only this event waits: it is
    /// retried for about an hour, and no attempt is counted.
    #[error("the database is busy: {0}")]
    Busy(#[source] Box<dyn Error + Send + Sync>),
    /// A deadlock, a serialization failure, or a decision that another transaction has overtaken: try the same again at once.
    #[error("a conflict with another transaction: {0}")]
    Conflict(#[source] Box<dyn Error + Send + Sync>),
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

    /// Creates a conflict: another transaction has changed what this one had decided by.
    pub fn conflict(reason: impl Into<String>) -> Self {
        Self::Conflict(reason.into().into())
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

/// Only what the event itself can cause is the event's failure; everything else is the database's.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match classify(&error) {
            ErrorClass::Unavailable | ErrorClass::Unfit => Self::Infrastructure(Box::new(error)),
            ErrorClass::Busy => Self::Busy(Box::new(error)),
            ErrorClass::Conflict => Self::Conflict(Box::new(error)),
            ErrorClass::Unstorable => Self::permanent(format!("database: {error}")),
            ErrorClass::Refused => Self::transient(format!("database: {error}")),
        }
    }
}
