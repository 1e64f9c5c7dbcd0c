//! Why something could not be done, told apart by what to do about it.

use std::time::Duration;

/// How a handler of events or intents can fail.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A dependency is away (database, broker). Nobody's fault: wait for it, count no attempt.
    #[error("a dependency is away: {0}")]
    Infrastructure(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another transaction was in the way (deadlock, serialization): the same again at once.
    #[error("a conflict with another transaction: {0}")]
    Conflict(#[source] sqlx::Error),
    /// May work later: retry with growing delays, up to a limit.
    #[error("{reason}")]
    Transient {
        /// What went wrong, for operators.
        reason: String,
        /// Not before this much time has passed; `None` leaves it to the retry policy.
        after: Option<Duration>,
    },
    /// Was not tried, since whoever would be asked is known to be away (an open circuit): an intent counts no attempt, and
    /// the others of its kind rest as well. A handler of events asks nobody; from there it is like transient.
    #[error("{reason}")]
    NotTried {
        /// Who is away, for operators.
        reason: String,
        /// Not before this much time has passed.
        after: Duration,
    },
    /// Will never work: dead letter at once.
    #[error("{reason}")]
    Permanent {
        /// What is wrong with it, for operators.
        reason: String,
    },
}

impl Failure {
    /// Will never work.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self::Permanent { reason: reason.into() }
    }

    /// May work later, when the retry policy says so.
    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            after: None,
        }
    }

    /// Was not tried, and need not be before `after`. Only where nothing at all was sent in this attempt.
    pub fn not_tried(after: Duration, reason: impl Into<String>) -> Self {
        Self::NotTried {
            reason: reason.into(),
            after,
        }
    }

    /// May work after `after`.
    pub fn retry_after(after: Duration, reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            after: Some(after),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        if is_database_away(&error) {
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

/// Whether the database could not be reached, as opposed to having refused the statement.
///
/// The SQLSTATE classes are PostgreSQL's (appendix A of its manual): 08 connection, 53 resources, 57P shutdown and crash,
/// 58 system error. 25P03 and 57P05 end sessions that stood idle, 25006 is a primary that has become a standby. 57014 and
/// 55P03 are our own limits on statements and locks: a database that stalls, not an event that is wrong.
pub fn is_database_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(refusal) => refusal.code().is_some_and(|code| {
            ["08", "53", "57P", "58", "25P03", "25006", "57014", "55P03"]
                .iter()
                .any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// Whether the whole transaction may simply be tried again: serialization failure or deadlock.
fn is_conflict(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "40001" || code == "40P01")
}

/// Whether a value can never be stored: SQLSTATE class 22, such as a NUL in a text.
pub(crate) fn is_unstorable(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22"))
}
