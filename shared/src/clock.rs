//! The only place that asks the system for the time; domain code is handed a moment instead.

use chrono::{DateTime, Utc};

/// The current moment, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
