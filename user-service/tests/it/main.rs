//! The service on real PostgreSQL, RabbitMQ and Redis.

#![cfg(test)]

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
