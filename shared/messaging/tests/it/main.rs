//! The messaging wing on a real broker and database, by way of a small service that sells seats.

#![cfg(test)]

mod brokers_moods;
mod connections;
mod dead_letters;
mod effects;
mod intents;
mod relay;
mod theatre;
mod transactions;
mod unknown_commits;
mod way;
