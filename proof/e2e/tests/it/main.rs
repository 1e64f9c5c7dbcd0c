//! The whole platform, seen from outside, with its own processes killed and stopped.
//!
//! It runs against a platform that `make test` has started; one test at a time, since they kill what the others use.

#![cfg(test)]

mod bad_input;
mod consistency;
mod endings;
mod faults;
mod fixture;
mod idempotency;
mod identity;
mod notifications;
mod redelivery;
mod tables;
