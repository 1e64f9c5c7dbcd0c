//! The consumer of a queue. One transaction holds inbox rows, effects and new outbox rows; the acknowledgement comes after it.

mod batch;
mod breaker;
mod busy;
mod consume;
mod declaration;
mod lane;
mod plan;
mod settlement;
mod suspects;
mod work;
mod worker;

pub use consume::{BatchHandler, Consume, HandlerFuture};
pub use declaration::Consumer;
