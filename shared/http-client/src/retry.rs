//! Retries, where they are safe, useful and within the budget.
//!
//! reqwest-retry gives the policy (exponential backoff, full jitter) and the strategy (which results are transient). Its own
//! middleware is not used: it ignores the method, so it would repeat a POST, and it ignores `Retry-After`. tower gives the
//! budget: when everything fails, retries must not multiply the load.

use crate::{
    call::{Deadline, IDEMPOTENCY_HEADER},
    config::ClientConfig,
    error::CallError,
    status::RetriesStatus,
};
use chrono::{DateTime, Utc};
use http::{Extensions, HeaderMap, Method, StatusCode, header::RETRY_AFTER};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use reqwest_retry::{Jitter, RetryDecision, RetryPolicy, Retryable, RetryableStrategy, policies::ExponentialBackoff};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep};
use tower::retry::budget::{Budget, TpsBudget};

/// Least time left before the deadline for another attempt to be of use.
const ATTEMPT_MIN: Duration = Duration::from_millis(50);
/// Period over which the budget counts calls and retries.
const BUDGET_PERIOD: Duration = Duration::from_secs(10);

/// The middleware that retries.
pub(super) struct Retries {
    name: Arc<str>,
    policy: ExponentialBackoff,
    budget: TpsBudget,
    made: AtomicU64,
    budget_exhausted: AtomicU64,
}

/// The results that are worth a retry.
struct Transient;

impl RetryableStrategy for Transient {
    fn handle(&self, result: &Result<Response>) -> Option<Retryable> {
        match result {
            Ok(response) => match response.status() {
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => Some(Retryable::Transient),
                _ => None,
            },
            Err(error) => match call_error(error) {
                // A broken connection is mostly one that the upstream closed while it was idle.
                Some(CallError::Connect { .. } | CallError::Timeout { .. } | CallError::Broken { .. }) => {
                    Some(Retryable::Transient)
                }
                _ => Some(Retryable::Fatal),
            },
        }
    }
}

#[async_trait::async_trait]
impl Middleware for Retries {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        self.count_call();
        let repeatable = is_idempotent(&request);
        let deadline = extensions.get::<Deadline>().map(|deadline| deadline.0);
        let mut informative = None;
        let mut retries_past = 0;
        loop {
            let copy = request.try_clone().expect("the body is in memory");
            let result = next.clone().run(copy, extensions).await;
            let Some(pause) = self.pause(&result, retries_past, repeatable, deadline) else {
                // If this attempt sent nothing, an earlier one knows more about the outcome of the call.
                return if nothing_sent(&result) {
                    informative.unwrap_or(result)
                } else {
                    result
                };
            };
            tracing::debug!(
                http.target = &*self.name,
                pause_ms = pause.as_millis(),
                retries_past,
                "Call is retried"
            );
            if !nothing_sent(&result) {
                informative = Some(result);
            }
            sleep(pause).await;
            retries_past += 1;
        }
    }
}

/// Leaves out policy and budget, which have no readable form.
impl fmt::Debug for Retries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Retries")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Retries {
    pub(super) fn new(config: &ClientConfig) -> Self {
        let retry = &config.retry;
        let policy = ExponentialBackoff::builder()
            .retry_bounds(retry.backoff_min, retry.backoff_max.max(retry.backoff_min))
            .jitter(Jitter::Full)
            .base(2)
            .build_with_max_retries(retry.retries_max);
        Self {
            name: Arc::clone(&config.name),
            policy,
            budget: TpsBudget::new(BUDGET_PERIOD, retry.budget_per_second, retry.budget_share),
            made: AtomicU64::new(0),
            budget_exhausted: AtomicU64::new(0),
        }
    }

    pub(super) fn status(&self) -> RetriesStatus {
        RetriesStatus {
            made: self.made.load(Ordering::Relaxed),
            budget_exhausted: self.budget_exhausted.load(Ordering::Relaxed),
        }
    }

    /// Adds a call to the budget.
    pub(super) fn count_call(&self) {
        self.budget.deposit();
    }

    fn pause(
        &self,
        result: &Result<Response>,
        retries_past: u32,
        repeatable: bool,
        deadline: Option<Instant>,
    ) -> Option<Duration> {
        let transient = matches!(Transient.handle(result), Some(Retryable::Transient));
        // Without a connection nothing was sent, so any request may be sent again.
        if !transient || !(repeatable || nothing_sent(result)) {
            return None;
        }
        let asked_for = result
            .as_ref()
            .ok()
            .and_then(|response| retry_after(response.headers(), kernel::clock::now()));
        self.backoff(retries_past, asked_for, deadline)
    }

    /// Returns the backoff before the next attempt, and takes it from the budget; `None` if there is to be none.
    #[expect(clippy::disallowed_methods, reason = "the retry policy measures in system time")]
    pub(super) fn backoff(
        &self,
        retries_past: u32,
        asked_for: Option<Duration>,
        deadline: Option<Instant>,
    ) -> Option<Duration> {
        let now = SystemTime::now();
        let RetryDecision::Retry { execute_after } = self.policy.should_retry(now, retries_past) else {
            return None;
        };
        let backoff = execute_after.duration_since(now).unwrap_or_default();
        let pause = backoff.max(asked_for.unwrap_or_default());
        let left = deadline.map_or(Duration::MAX, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        if pause.saturating_add(ATTEMPT_MIN) > left {
            return None;
        }
        if !self.budget.withdraw() {
            self.budget_exhausted.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("http_client_retry_budget_exhausted_total", "target" => Arc::clone(&self.name))
                .increment(1);
            return None;
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("http_client_retries_total", "target" => Arc::clone(&self.name)).increment(1);
        Some(pause)
    }
}

/// Returns true if a repeated request has the effect of one.
fn is_idempotent(request: &Request) -> bool {
    matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE
    ) || request.headers().contains_key(IDEMPOTENCY_HEADER)
}

fn nothing_sent(result: &Result<Response>) -> bool {
    result
        .as_ref()
        .err()
        .and_then(call_error)
        .is_some_and(CallError::nothing_sent)
}

fn call_error(error: &Error) -> Option<&CallError> {
    match error {
        Error::Middleware(error) => error.downcast_ref(),
        Error::Reqwest(_) => None,
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some(date.signed_duration_since(now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;
    use http::HeaderValue;

    fn parsed(value: &'static str) -> Option<Duration> {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 8, 0, 0).unwrap();
        retry_after(
            &HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]),
            now,
        )
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(parsed("7"), Some(Duration::from_secs(7)));
        assert_eq!(parsed("Sun, 22 Nov 2026 08:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(
            parsed("Sun, 22 Nov 2026 07:00:00 GMT"),
            Some(Duration::ZERO),
            "a date in the past"
        );
        assert_eq!(parsed("18446744073709551615"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(parsed("soon"), None);
        assert_eq!(parsed("-1"), None);
    }
}
