//! One attempt: a permit of the bulkhead, a permit of the breaker, a time limit, and the verdict.

use crate::{
    breaker::{Breaker, Verdict},
    bulkhead::Bulkhead,
    call::{Mode, Sent},
    config::ClientConfig,
    error::CallError,
};
use bytes::Bytes;
use http::{Extensions, StatusCode, header::RETRY_AFTER};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use std::sync::Arc;
use tokio::time::timeout;

/// The middleware that makes one attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    config: Arc<ClientConfig>,
    breaker: Arc<Breaker>,
    bulkhead: Arc<Bulkhead>,
}

#[async_trait::async_trait]
impl Middleware for Attempt {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let target = &self.config.name;
        let slot = self.bulkhead.acquire().await.map_err(Error::middleware)?;
        let permit = self.breaker.try_acquire();
        let permit = permit.map_err(|refusal| Error::middleware(CallError::open(target, refusal)))?;
        if let Some(sent) = extensions.get::<Sent>() {
            sent.set();
        }

        let exchange = timeout(self.config.attempt_timeout, self.exchange(request, extensions, next));
        let timed_out = |_elapsed| {
            Err(CallError::Timeout {
                target: Arc::clone(target),
            })
        };
        let result = exchange.await.unwrap_or_else(timed_out);
        let result = result.map_err(|error| attribute(error, target, extensions));

        permit.settle(&verdict(
            &result,
            matches!(extensions.get::<Mode>(), Some(Mode::Streamed(_))),
        ));
        drop(slot);
        result.map_err(Error::middleware)
    }
}

impl Attempt {
    pub(super) fn new(config: Arc<ClientConfig>, breaker: Arc<Breaker>, bulkhead: Arc<Bulkhead>) -> Self {
        Self {
            config,
            breaker,
            bulkhead,
        }
    }

    async fn exchange(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> std::result::Result<Response, CallError> {
        let target = &self.config.name;
        let streamed = extensions.get::<Mode>().is_some();
        let response = next
            .run(request, extensions)
            .await
            .map_err(|error| CallError::from_chain(target, error))?;
        if streamed {
            Ok(response)
        } else {
            self.buffered(response).await
        }
    }

    /// Reads the body of a response to its end.
    async fn buffered(&self, mut response: Response) -> std::result::Result<Response, CallError> {
        let target = &self.config.name;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| CallError::transport(target, error))?
        {
            if body.len() + chunk.len() > self.config.answer_bytes_max {
                return Err(CallError::TooLong {
                    target: Arc::clone(target),
                });
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = http::Response::new(Bytes::from(body));
        *whole.status_mut() = response.status();
        *whole.headers_mut() = std::mem::take(response.headers_mut());
        Ok(whole.into())
    }
}

/// Attributes a stall or a break of the forwarded body to its sender instead of the upstream.
fn attribute(error: CallError, target: &Arc<str>, extensions: &Extensions) -> CallError {
    match (extensions.get::<Mode>(), &error) {
        (Some(Mode::Streamed(watch)), CallError::Timeout { .. } | CallError::Broken { .. }) if watch.is_at_fault() => {
            CallError::Upload {
                target: Arc::clone(target),
            }
        }
        _ => error,
    }
}

/// Returns the verdict of an attempt on the upstream's health.
///
/// A forwarded 503 with `Retry-After` comes from a healthy service that reports an unavailable dependency of its own. Counted
/// against it, requests that do not need that dependency would be refused as well, and breakers in a row would wait for each
/// other long after the dependency is back.
fn verdict(result: &std::result::Result<Response, CallError>, forwarded: bool) -> Verdict {
    match result {
        Ok(response) => match response.status() {
            status if status.is_success() => Verdict::Success,
            StatusCode::SERVICE_UNAVAILABLE if forwarded && response.headers().contains_key(RETRY_AFTER) => {
                Verdict::Success
            }
            StatusCode::TOO_MANY_REQUESTS => Verdict::Throttled,
            status @ (StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Verdict::Failure(format!("it answered {status}")),
            status if status.is_server_error() => Verdict::Neutral,
            _ => Verdict::Answered,
        },
        Err(error @ (CallError::Connect { .. } | CallError::Timeout { .. } | CallError::Broken { .. })) => {
            Verdict::Failure(kernel::chain(error))
        }
        Err(CallError::TooLong { .. }) => Verdict::Answered,
        Err(_) => Verdict::Neutral,
    }
}
