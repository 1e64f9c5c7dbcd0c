//! product-service on a real database and broker.

#![cfg(test)]

mod catalogue;
mod columns;
mod concurrency;
mod contracts;
mod fixture;
mod saga;
