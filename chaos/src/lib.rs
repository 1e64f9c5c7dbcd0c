//! The proof under fire: the whole platform with two instances of each service, a fault proxy on every connection, a
//! seeded schedule of faults, clients that write down everything they asked and heard, and a checker that afterwards
//! recomputes from raw rows and logs what must be true.
//!
//! It shares no code with the services: what it says about them it has seen from outside.

pub mod checker;
pub mod history;
pub mod proxy;
pub mod traffic;
