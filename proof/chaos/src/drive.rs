//! The clients: they carry out the workload against the gateways and record every request and answer.

mod account;
mod client;
mod client_action;
mod request;
mod retry;
mod tally;
pub(crate) mod traffic;

pub(crate) use tally::Tally;
pub(crate) use traffic::{Summary, Traffic};
