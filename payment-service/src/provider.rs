//! The payment provider's API: the one place that knows its paths, field names and statuses.

mod client;
mod outcome;
mod request;

pub use client::{ProviderClient, client_config};
pub use outcome::{ChargeOutcome, UnknownOutcome};
pub use request::{Charge, Refund};
