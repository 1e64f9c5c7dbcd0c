//! analytics-service on a real database and a real broker.

#![cfg(test)]

mod asking;
mod contracts;
mod retention;
mod storing;
mod support;
