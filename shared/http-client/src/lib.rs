//! `ResilientHttpClient`: the only way out over HTTP.
//!
//! ```text
//! deadline( is it open? → retries within a budget ( bulkhead → breaker permit → attempt timeout ( send, read body ) ) )
//! ```
//!
//! Each layer sits where it does for a reason. An open circuit is noticed before anybody queues for it. A place in the
//! bulkhead is given back while a retry waits. The permit is taken after the place, or a probe would be held by a caller
//! that queues. The attempt's timeout is inside the permit, so that it counts as the upstream's failure and not as a
//! caller that went away; and it covers the body, whose stall is no better than the headers'.
//!
//! A fallback is the caller's: only the caller knows what may be stale.

#![warn(missing_docs)]

mod answer;
mod attempt;
mod base_url;
mod breaker;
mod budget;
mod bulkhead;
mod config;
mod error;
mod forward;
mod propagate;
mod request;
mod retry;
mod status;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use base_url::{BaseUrl, BaseUrlError};
pub use breaker::{BreakerConfig, BreakerState, Counters, Transition, WindowStatus};
pub use config::{ClientConfig, RetryConfig};
pub use error::CallError;
pub use forward::strip_hop_by_hop;
pub use request::RequestBuilder;
pub use status::{BreakerStatus, BulkheadStatus, RetriesStatus};

use attempt::Attempt;
use breaker::Breaker;
use bulkhead::Bulkhead;
use http::{Extensions, Method};
use propagate::Propagate;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use retry::{Deadline, Retries, Sent};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A client for one upstream, with its own breaker, bulkhead and retry budget. Cheap to clone; clones share all of it.
#[derive(Debug, Clone)]
pub struct ResilientHttpClient {
    config: Arc<ClientConfig>,
    breaker: Arc<Breaker>,
    bulkhead: Arc<Bulkhead>,
    retries: Arc<Retries>,
    chain: ClientWithMiddleware,
}

impl ResilientHttpClient {
    /// A client for the upstream that `config` describes.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn new(config: ClientConfig) -> Self {
        let config = Arc::new(config);
        let breaker = Arc::new(Breaker::new(Arc::clone(&config.name), config.breaker.clone()));
        let bulkhead = Arc::new(Bulkhead::new(&config));
        let retries = Arc::new(Retries::new(&config));
        let attempt = Attempt::new(Arc::clone(&config), Arc::clone(&breaker), Arc::clone(&bulkhead));
        let chain = ClientBuilder::new(transport(&config))
            .with_arc(Arc::clone(&retries) as Arc<dyn reqwest_middleware::Middleware>)
            .with(attempt)
            .with(Propagate)
            .build();
        Self {
            config,
            breaker,
            bulkhead,
            retries,
            chain,
        }
    }

    /// The upstream's name, as it stands in metrics, logs and on the status page.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Begins a GET of a path below the base URL.
    pub fn get(&self, path: &str) -> RequestBuilder<'_> {
        self.request(Method::GET, path)
    }

    /// Begins a POST. It is not retried unless it carries an idempotency key.
    pub fn post(&self, path: &str) -> RequestBuilder<'_> {
        self.request(Method::POST, path)
    }

    /// Begins a request with any method.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, path)
    }

    /// Opens the breaker until [`Self::close`] or [`Self::reset`].
    pub fn force_open(&self) {
        self.breaker.force_open();
    }

    /// Closes the breaker, whatever it knows.
    pub fn close(&self) {
        self.breaker.close();
    }

    /// Closes the breaker and sets its counters to zero.
    pub fn reset(&self) {
        self.breaker.reset();
    }

    /// Sends a request down the chain. `extensions` says how: a [`kernel::context::Context`], an [`attempt::Mode`].
    async fn run(
        &self,
        request: reqwest::Request,
        mut extensions: Extensions,
        deadline: Duration,
    ) -> Result<reqwest::Response, CallError> {
        self.breaker
            .check()
            .map_err(|refusal| CallError::open(&self.config.name, refusal))?;
        let deadline = Instant::now() + deadline;
        let sent = Sent::default();
        extensions.insert(Deadline(deadline));
        extensions.insert(sent.clone());
        match timeout_at(deadline, self.chain.execute_with_extensions(request, &mut extensions)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(CallError::from_chain(&self.config.name, error)),
            Err(_elapsed) => Err(CallError::Deadline {
                target: Arc::clone(&self.config.name),
                sent: sent.get(),
            }),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that may build a client")]
fn transport(config: &ClientConfig) -> reqwest::Client {
    reqwest::Client::builder()
        .connect_timeout(config.connect_timeout)
        // Also runs while headers are awaited, where the attempt's timeout must be the first to end.
        .read_timeout(config.body_idle_timeout.max(config.attempt_timeout * 2))
        .pool_idle_timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("no TLS backend, resolver or certificate is configured that could be missing")
}
