//! Against a real broker (`TEST_RABBITMQ_URL`, `TEST_RABBITMQ_MANAGEMENT_URL`). Each test has a vhost of its own.

mod access;
mod apply;
mod dead_letters;
mod program;
mod repair;
mod vhost;
