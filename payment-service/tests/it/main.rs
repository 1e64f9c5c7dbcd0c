//! payment-service on a real database, broker and sandbox provider.

#![cfg(test)]

mod cells;
mod contracts;
mod http;
mod methods;
mod provider;
mod support;
