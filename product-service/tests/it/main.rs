//! product-service on a real database and broker.

#![cfg(test)]

mod catalogue;
mod cells;
mod concurrency;
mod contracts;
mod support;
