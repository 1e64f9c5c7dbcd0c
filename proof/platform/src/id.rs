//! Identifiers that a client makes for itself.

use uuid::Uuid;

/// Makes an unused id: an idempotency key, the name of a mailbox.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may: clients share no code with the services"
)]
pub fn new() -> Uuid {
    Uuid::now_v7()
}
