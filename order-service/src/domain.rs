//! The rules of an order, without a framework: the inputs it accepts, and the effects that follow.
//!
//! Beside its status an order keeps two facts, about its payment and its stock, that only move forward. [`State::decide`]
//! takes one input, in whichever order they arrive, and returns the effects that follow from it.

pub mod basket;
mod ids;
mod input;
mod state;
mod status;

pub use ids::{OrderId, ProductId, UserId};
pub use input::{Effect, Input};
pub use state::{Refusal, State};
pub use status::{Compensation, Payment, Reason, Status, Stock};
