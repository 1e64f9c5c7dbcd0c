//! One attempt: a permit of the bulkhead, a permit of the breaker, a time limit, and the verdict.

use crate::{
    breaker::{Breaker, Verdict},
    bulkhead::Bulkhead,
    call::Sent,
    config::ClientConfig,
    error::CallError,
};
use bytes::Bytes;
use http::{Extensions, HeaderMap, StatusCode, header::RETRY_AFTER};
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
        let sent = extensions.get::<Sent>().cloned().unwrap_or_default();
        let exchange = async {
            let response = next.run(request, extensions).await;
            self.buffered(response.map_err(|error| CallError::from_chain(&self.config.name, error))?)
                .await
        };
        let result = self.guard(&sent, false, exchange, |response| {
            (response.status(), response.headers())
        });
        result.await.map_err(Error::middleware)
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

    /// Makes `exchange` an attempt. `forwarded` tells a forwarded request from a call; `head` tells status and headers of the
    /// answer.
    pub(super) async fn guard<T>(
        &self,
        sent: &Sent,
        forwarded: bool,
        exchange: impl Future<Output = std::result::Result<T, CallError>>,
        head: fn(&T) -> (StatusCode, &HeaderMap),
    ) -> std::result::Result<T, CallError> {
        let target = &self.config.name;
        let slot = self.bulkhead.acquire().await?;
        let permit = self.breaker.try_acquire();
        let permit = permit.map_err(|refusal| CallError::open(target, refusal))?;
        sent.set();
        let timed_out = |_elapsed| {
            Err(CallError::Timeout {
                target: Arc::clone(target),
            })
        };
        let result = timeout(self.config.attempt_timeout, exchange).await;
        let result = result.unwrap_or_else(timed_out);
        permit.settle(&verdict(result.as_ref().map(head), forwarded));
        drop(slot);
        result
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

/// Returns the verdict of an attempt on the upstream's health.
///
/// A forwarded 503 with `Retry-After` comes from a healthy service that reports an unavailable dependency of its own. Counted
/// against it, requests that do not need that dependency would be refused as well, and breakers in a row would wait for each
/// other long after the dependency is back.
fn verdict(answer: std::result::Result<(StatusCode, &HeaderMap), &CallError>, forwarded: bool) -> Verdict {
    match answer {
        Ok((status, headers)) => match status {
            status if status.is_success() => Verdict::Success,
            StatusCode::SERVICE_UNAVAILABLE if forwarded && headers.contains_key(RETRY_AFTER) => Verdict::Success,
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
