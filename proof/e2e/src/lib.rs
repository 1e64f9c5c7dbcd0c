//! The platform seen from outside: what a client, an administrator and an auditor can do and see.
//!
//! It shares no code with the services. [`platform::Platform`] knows the addresses, [`shopper::Shopper`] and
//! [`admin::Admin`] act through the gateway, [`mail`] and [`ledger`] read what reached the outside world, and
//! [`verdict`] says whether everything agrees in the end.

pub mod admin;
pub mod answer;
pub mod id;
pub mod ledger;
pub mod mail;
pub mod order;
pub mod platform;
pub mod shopper;
pub mod trouble;
pub mod verdict;
