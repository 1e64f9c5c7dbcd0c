//! The platform seen from outside: the actions and the sources of a client, an administrator, an operator and an auditor.
//!
//! It shares no code with the services, so that a test does not repeat their mistakes. [`platform::Platform`] holds the
//! addresses; [`client::TestClient`] and [`admin::Admin`] act through the gateway; [`mail`] and [`ledger`] read the
//! effects on the outside world; [`agreement`] judges whether all services agree on how an order ended.

pub mod admin;
pub mod agreement;
pub mod answer;
pub mod api;
pub mod broker;
pub mod catalogue;
pub mod client;
pub mod description;
pub mod environment;
pub mod error;
pub mod http;
pub mod id;
pub mod ledger;
pub mod mail;
pub mod order;
pub mod platform;
pub mod poll;
pub mod process;
pub mod settings;
pub mod supervisor;

pub use error::HarnessError;
