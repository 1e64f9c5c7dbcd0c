//! The service on real PostgreSQL, RabbitMQ and Redis.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod admin;
mod contracts;
mod events;
mod login;
mod operators;
mod redis_away;
mod refusals;
mod sessions;
mod support;
