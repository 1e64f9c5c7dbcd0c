//! Classes of database errors, by the reaction that each requires.

use sqlx::error::DatabaseError;

/// Returns true if the database could not be reached, as opposed to having refused the statement.
///
/// The SQLSTATE classes are PostgreSQL's (appendix A of its manual): 08 connection, 53 resources, 57P shutdown and crash,
/// 58 system error. 25P03 and 57P05 end sessions that stood idle, 25006 is a primary that has become a standby. 57014 and
/// 55P03 are the limits on statements and locks that [`crate::Database`] sets: a database that stalls, not a statement
/// that is wrong.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
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

/// Returns true if the whole transaction may be tried again: serialization failure (40001) or deadlock (40P01).
pub fn is_conflict(error: &sqlx::Error) -> bool {
    has_code(error, |code| code == "40001" || code == "40P01")
}

/// Returns true if a value can never be stored: SQLSTATE class 22, such as a NUL in a text.
pub fn is_unstorable(error: &sqlx::Error) -> bool {
    has_code(error, |code| code.starts_with("22"))
}

fn has_code(error: &sqlx::Error, test: impl Fn(&str) -> bool) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| test(&code))
}
