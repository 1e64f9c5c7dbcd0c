//! analytics-service on a real database and a real broker.

#![cfg(test)]

mod api;
mod contracts;
mod fixture;
mod rebuild;
mod retention;
mod storing;
