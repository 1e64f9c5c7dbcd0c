//! Reliable messaging on a real broker and database, by way of a small service that sells seats.

#![cfg(test)]

mod broker_failures;
mod commit_unknown;
mod connections;
mod dead_letters;
mod effects;
mod example;
mod fixture;
mod gauges;
mod jobs;
mod parked_jobs;
mod relay;
mod relay_members;
mod transactions;
