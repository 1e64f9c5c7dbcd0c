//! `ResilientHttpClient`: the only way out over HTTP.
//!
//! ```text
//! deadline( circuit open? → retries within a budget ( bulkhead → breaker permit → attempt timeout ( send, read body ) ) )
//! ```
//!
//! Each layer has its place for a reason. An open circuit is noticed before a caller queues for the bulkhead. The bulkhead
//! permit is released during backoff. The breaker's permit is taken after the bulkhead's, or a queueing caller would hold the
//! probe. The attempt's timeout is inside the breaker's permit, so that it counts as the upstream's failure and not as a caller
//! that went away; and it covers the body, whose stall is as bad as that of the headers.
//!
//! A fallback is the caller's, since only the caller knows which data may be stale.

#![warn(missing_docs)]

mod answer;
mod attempt;
mod base_url;
mod breaker;
mod bulkhead;
mod call;
mod client;
mod config;
mod download;
mod error;
mod forward;
mod propagate;
mod request;
mod retry;
mod status;
mod transport;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use base_url::{BaseUrl, BaseUrlError};
pub use breaker::{BreakerConfig, BreakerState, Counters, Transition, WindowStatus};
pub use client::ResilientHttpClient;
pub use config::{ClientConfig, RetryConfig};
pub use error::{CallError, TransportError};
pub use forward::strip_hop_by_hop;
pub use request::RequestBuilder;
pub use status::{BreakerStatus, BulkheadStatus, RetriesStatus};
