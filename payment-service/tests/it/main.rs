//! payment-service on a real database, broker and sandbox provider.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails there, and the panic says where"
)]

mod cells;
mod contracts;
mod http;
mod methods;
mod provider;
mod support;
