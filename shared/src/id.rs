//! Identifiers: UUID version 7, whose order is the order of their creation (RFC 9562 §5.7).

use uuid::Uuid;

/// A new identifier.
pub fn new() -> Uuid {
    Uuid::now_v7()
}
