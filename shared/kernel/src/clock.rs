//! The system clock. Domain code is handed a moment instead of asking for one.

use chrono::{DateTime, Utc};

/// Returns the current moment in UTC.
#[expect(clippy::disallowed_methods, reason = "`kernel::clock` is its one caller")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
