//! The gateway against a real Redis and real services in this process, through real sockets.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are clients, run services beside themselves, and fail by panicking"
)]

mod identity;
mod lifecycle;
mod limits;
mod operators;
mod paths;
mod redis_away;
mod services;
mod streaming;
mod support;
mod tokens;
