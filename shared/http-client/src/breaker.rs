//! The circuit breaker: stops calling an upstream that fails, and finds out by one probe when to start again.
//!
//! Closed, it counts; open, it refuses; half-open, it admits one probe whose result decides. Two mistakes are easy to make and
//! are ruled out by types here. A caller that is dropped must not keep the probe's permit: [`Permit`] returns it on drop. And
//! the result of a call that was admitted before the last transition says nothing about now: a permit carries the generation
//! that admitted it, and results of older generations only add to the totals.

mod circuit;
mod config;
mod history;
mod machine;
mod state;
mod verdict;
mod window;

#[cfg(test)]
mod tests;

pub(crate) use circuit::{Breaker, NotPermitted};
pub use config::BreakerConfig;
pub use state::{BreakerState, Counters, Transition, WindowStatus};
pub(crate) use verdict::Verdict;
