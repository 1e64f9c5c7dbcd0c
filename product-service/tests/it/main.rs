//! product-service on a real database and broker.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails there, and the panic says where"
)]

mod catalogue;
mod cells;
mod concurrency;
mod contracts;
mod support;
