//! Reliable messaging on a real broker and database, by way of a small service that sells seats.

#![cfg(test)]

mod batches;
mod broker_failures;
mod cancelled_consumer;
mod commit_unknown;
mod connections;
mod dead_letters;
mod effects;
mod example;
mod fixture;
mod foreign_texts;
mod gauges;
mod held_deliveries;
mod jobs;
mod locked_rows;
mod operator_mistakes;
mod parked_jobs;
mod relay;
mod relay_members;
mod relay_order;
mod retention;
mod transactions;
