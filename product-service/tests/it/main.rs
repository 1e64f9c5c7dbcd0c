//! product-service on a real database and broker.

mod catalogue;
mod cells;
mod concurrency;
mod contracts;
mod support;
