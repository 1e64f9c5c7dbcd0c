//! The gateway against a real Redis and real services in this process, through real sockets.

#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests are clients, and run services beside themselves"
)]

mod connections;
mod fixture;
mod hostile;
mod identity;
mod lifecycle;
mod limits;
mod operators;
mod paths;
mod redis_unavailable;
mod services;
mod streaming;
mod tokens;
