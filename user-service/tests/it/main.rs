//! The service on real PostgreSQL, RabbitMQ and Redis.

#![cfg(test)]

mod accounts;
mod admin;
mod columns;
mod configuration;
mod contracts;
mod events;
mod invalid_input;
mod log_in;
mod redis_unavailable;
mod republish_users;
mod requests;
mod sessions;
mod test_app;
mod topology;
