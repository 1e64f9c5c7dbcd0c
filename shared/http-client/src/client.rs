//! The client, and the order of its layers.

use crate::{
    attempt::Attempt,
    breaker::Breaker,
    bulkhead::Bulkhead,
    call::{Deadline, Sent},
    config::ClientConfig,
    error::CallError,
    propagate::Propagate,
    retry::Retries,
    status::BreakerStatus,
    transport::{self, Forwarder},
};
use http::Extensions;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A client for one upstream, with its own breaker, bulkhead and retry budget. Cheap to clone; clones share all of it.
#[derive(Debug, Clone)]
pub struct ResilientHttpClient {
    pub(crate) config: Arc<ClientConfig>,
    breaker: Arc<Breaker>,
    bulkhead: Arc<Bulkhead>,
    pub(crate) retries: Arc<Retries>,
    pub(crate) attempt: Arc<Attempt>,
    chain: ClientWithMiddleware,
    pub(crate) forwarder: Forwarder,
}

impl ResilientHttpClient {
    /// Creates a client for the upstream that `config` describes.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that builds the middleware chain"
    )]
    pub fn new(config: ClientConfig) -> Self {
        let config = Arc::new(config);
        let breaker = Arc::new(Breaker::new(Arc::clone(&config.name), config.breaker.clone()));
        let bulkhead = Arc::new(Bulkhead::new(&config));
        let retries = Arc::new(Retries::new(&config));
        let attempt = Arc::new(Attempt::new(
            Arc::clone(&config),
            Arc::clone(&breaker),
            Arc::clone(&bulkhead),
        ));
        let chain = ClientBuilder::new(transport::of_calls(&config))
            .with_arc(Arc::clone(&retries) as Arc<dyn reqwest_middleware::Middleware>)
            .with_arc(Arc::clone(&attempt) as Arc<dyn reqwest_middleware::Middleware>)
            .with(Propagate)
            .build();
        Self {
            forwarder: transport::of_forwarded(&config),
            config,
            breaker,
            bulkhead,
            retries,
            attempt,
            chain,
        }
    }

    /// Returns the upstream's name, which is used in metrics, logs and on the status page.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Opens the breaker until [`Self::close`] or [`Self::reset`].
    pub fn force_open(&self) {
        self.breaker.force_open();
    }

    /// Closes the breaker, whatever its counters say.
    pub fn close(&self) {
        self.breaker.close();
    }

    /// Closes the breaker and resets its counters.
    pub fn reset(&self) {
        self.breaker.reset();
    }

    /// Returns the state of this client, for `/internal/status`.
    pub fn status(&self) -> BreakerStatus {
        let bulkhead = self.bulkhead.status();
        let mut status = self.breaker.status();
        status.counters.rejected += bulkhead.rejected;
        BreakerStatus {
            name: self.config.name.to_string(),
            base_url: self.config.base_url.to_string(),
            state: status.state,
            consecutive_failures: status.failures_in_a_row,
            window: status.window,
            counters: status.counters,
            not_permitted: status.not_permitted,
            last_error: status.last_error,
            opened_at: status.opened_at,
            next_probe_at: status.next_probe_at,
            transitions: status.transitions,
            bulkhead,
            retries: self.retries.status(),
        }
    }

    /// Sends a request down the chain. `extensions` may hold a [`kernel::context::Context`].
    pub(crate) async fn run(
        &self,
        request: reqwest::Request,
        mut extensions: Extensions,
        deadline: Duration,
    ) -> Result<reqwest::Response, CallError> {
        let (deadline, sent) = (Instant::now() + deadline, Sent::default());
        extensions.insert(Deadline(deadline));
        extensions.insert(sent.clone());
        let steps = async {
            let result = self.chain.execute_with_extensions(request, &mut extensions).await;
            result.map_err(|error| CallError::from_chain(&self.config.name, error))
        };
        self.within(deadline, &sent, steps).await
    }

    /// Makes the steps of a call, unless the circuit is open, and ends them at the deadline.
    pub(crate) async fn within<T>(
        &self,
        deadline: Instant,
        sent: &Sent,
        steps: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        self.breaker
            .check()
            .map_err(|refusal| CallError::open(&self.config.name, refusal))?;
        timeout_at(deadline, steps).await.unwrap_or_else(|_elapsed| {
            Err(CallError::Deadline {
                target: Arc::clone(&self.config.name),
                sent: sent.get(),
            })
        })
    }
}
