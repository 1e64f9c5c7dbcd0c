//! Classes of database errors, by the reaction that each requires.

/// The reaction that an error of the database requires.
///
/// What data can cause is listed, and everything else is the database's: a mistake of an operator or an outage must not be
/// taken for a fault of the data. The SQLSTATE classes are PostgreSQL's (appendix A of its manual).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The database cannot be reached, does not let this program in, or is shutting down, full or read-only: wait for it.
    Unavailable,
    /// The database answers, but is not as the program needs it: a table, a column or a permission is missing, or it fails
    /// by itself. The same statement succeeds once an operator has mended it.
    Unfit,
    /// A lock or a statement took longer than its limit: try again later.
    Busy,
    /// A deadlock or a serialization failure: try the whole transaction again at once.
    Conflict,
    /// A value that can never be stored, such as a NUL in a text.
    Unstorable,
    /// The statement was refused for its data (a constraint, an exception that a trigger raises), or the program cannot read
    /// what is stored.
    Refused,
}

/// Returns the class of an error.
pub fn classify(error: &sqlx::Error) -> ErrorClass {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => ErrorClass::Unavailable,
        sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. } => ErrorClass::Unfit,
        sqlx::Error::Database(refusal) => refusal.code().map_or(ErrorClass::Unfit, |code| of_sqlstate(&code)),
        _ => ErrorClass::Refused,
    }
}

/// Returns true if waiting may help: the database is unavailable or busy.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    matches!(classify(error), ErrorClass::Unavailable | ErrorClass::Busy)
}

fn of_sqlstate(code: &str) -> ErrorClass {
    match code {
        // The limits on locks and statements.
        "55P03" | "57014" => ErrorClass::Busy,
        // A session that was ended because it stood idle; a primary that has become a standby.
        "25P03" | "25006" => ErrorClass::Unavailable,
        // A statement after one whose error was ignored: a mistake of the program with this data.
        "25P02" => ErrorClass::Refused,
        _ => of_sqlstate_class(code.get(..2).unwrap_or_default()),
    }
}

fn of_sqlstate_class(class: &str) -> ErrorClass {
    match class {
        // Connection, authorization, no such database, resources, operator intervention, system error.
        "08" | "28" | "3D" | "53" | "57" | "58" => ErrorClass::Unavailable,
        "40" => ErrorClass::Conflict,
        "22" => ErrorClass::Unstorable,
        // Cardinality, integrity constraint, check option, program limit (a value too large for an index), PL/pgSQL.
        "21" | "23" | "44" | "54" | "P0" => ErrorClass::Refused,
        _ => ErrorClass::Unfit,
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorClass, of_sqlstate};

    #[test]
    fn only_what_data_can_cause_is_a_fault_of_the_data() {
        #[rustfmt::skip]
        let classes = [
            (ErrorClass::Unavailable, vec!["08006", "28P01", "28000", "3D000", "53300", "53100", "57P01", "58030", "25006", "25P03"]),
            (ErrorClass::Unfit, vec!["42P01", "42703", "42501", "3F000", "XX000", "XX001", "0A000", "26000", "F0000"]),
            (ErrorClass::Busy, vec!["55P03", "57014"]),
            (ErrorClass::Conflict, vec!["40001", "40P01"]),
            (ErrorClass::Unstorable, vec!["22021", "22003"]),
            (ErrorClass::Refused, vec!["23505", "23514", "21000", "54000", "P0001", "25P02"]),
        ];
        for (class, codes) in classes {
            for code in codes {
                assert_eq!(of_sqlstate(code), class, "{code}");
            }
        }
    }
}
