//! Tests against a real broker (`TEST_RABBITMQ_URL`, `TEST_RABBITMQ_MANAGEMENT_URL`). Each test has its own vhost.

#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "acts as services, operators and unknown users, with its own connections, publishes and requests"
)]

mod access;
mod apply;
mod dead_letters;
mod program;
mod repair;
mod vhost;
