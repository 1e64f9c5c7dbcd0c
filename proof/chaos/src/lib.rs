//! The proof under fire: the whole platform with two instances of each service, a fault proxy on every connection, a
//! seeded schedule of faults, clients that write down everything they asked and heard, and a checker that afterwards
//! recomputes from raw rows and logs what must be true.
//!
//! It shares no code with the services: what it says about them it has seen from outside.

pub mod checker;
pub mod cli;
pub mod drills;
mod ends;
pub mod fault;
pub mod history;
mod http;
pub mod memory;
pub mod platform;
pub mod proxy;
pub mod reached;
pub mod report;
pub mod run;
pub mod schedule;
pub mod storm;
pub mod traffic;
pub mod trouble;
mod waiting;
pub mod windows;
