//! The calls that move money, each a job: enqueued by [`crate::transition`], repeated until the outcome is definite.
//!
//! The HTTP client does not retry these calls, because it would not query the outcome of the last attempt first.

mod charge;
mod refund;
