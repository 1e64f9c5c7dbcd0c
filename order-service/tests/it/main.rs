//! order-service on a real database and broker, with stand-ins for the two services that it asks.

#![cfg(test)]

mod columns;
mod contracts;
mod deadlines;
mod fixture;
mod idempotency;
mod model;
mod placing;
mod reading;
mod saga;
mod sweeps;
mod topology;
mod transitions;
