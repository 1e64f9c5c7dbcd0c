//! Against a real broker (`TEST_RABBITMQ_URL`, `TEST_RABBITMQ_MANAGEMENT_URL`). Each test has a vhost of its own.

#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "plays services, operators and strangers: connections, publishes and requests of its own"
)]

mod access;
mod apply;
mod dead_letters;
mod program;
mod repair;
mod vhost;
