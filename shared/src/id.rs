//! Identifiers: UUID version 7, whose order is the order of their creation (RFC 9562 §5.7).

use uuid::Uuid;

/// A new identifier.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub fn new() -> Uuid {
    Uuid::now_v7()
}
