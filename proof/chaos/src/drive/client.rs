//! The HTTP client that records every try before and after it is sent.

use super::{
    request::{Outcome, RecordedRequest},
    retry::{NextStep, next_step},
    tally::Counters,
};
use crate::history::Recorder;
use platform_client::{HarnessError, answer::Answer, http};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

/// Longer than any answer of the gateway takes.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Without a token all clients share the token bucket of their one address, ten a second; they stay below it.
const ANONYMOUS_INTERVAL: Duration = Duration::from_millis(150);

/// The state that all clients share.
#[derive(Debug)]
pub(super) struct RecordingClient {
    pub(super) counters: Counters,
    http: reqwest::Client,
    gateways: Vec<String>,
    recorder: Arc<Recorder>,
    /// Time of the next request without a token.
    next_anonymous: Mutex<Instant>,
}

impl RecordingClient {
    pub(super) fn new(gateways: Vec<String>, recorder: Arc<Recorder>) -> reqwest::Result<Self> {
        Ok(Self {
            counters: Counters::default(),
            http: http::client(REQUEST_LIMIT, CONNECT_LIMIT)?,
            gateways,
            recorder,
            next_anonymous: Mutex::new(Instant::now()),
        })
    }

    /// Sends a request without a session until there is a definite answer. `customer` is `None` for the administrator.
    pub(super) async fn send_anonymously(
        &self,
        customer: Option<u32>,
        request: &RecordedRequest,
        seed: u64,
    ) -> Result<Answer, HarnessError> {
        let mut tries = 0;
        loop {
            let outcome = self.try_once(customer, request, None, tries == 0).await?;
            match next_step(outcome, tries, jitter(seed, tries)) {
                NextStep::Done(answer) | NextStep::RenewSession(answer) => return Ok(answer),
                NextStep::RetryAfter(wait) => sleep(wait).await,
            }
            tries += 1;
        }
    }

    /// Tries once: at the preferred gateway, and without a connection at the others, as behind a load balancer. Half of the
    /// customers prefer each of two gateways.
    pub(super) async fn try_once(
        &self,
        customer: Option<u32>,
        request: &RecordedRequest,
        token: Option<&str>,
        is_first: bool,
    ) -> Result<Outcome, HarnessError> {
        if token.is_none() {
            self.rate_limit().await;
        }
        let mut outcome = Outcome::NoConnection;
        let preferred = customer.map_or(0, |number| number as usize) % self.gateways.len().max(1);
        let (later, first) = self.gateways.split_at(preferred);
        for gateway in first.iter().chain(later) {
            outcome = self.exchange(gateway, customer, request, token).await?;
            if outcome != Outcome::NoConnection {
                break;
            }
        }
        self.counters.count_try(request, &outcome, is_first);
        Ok(outcome)
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        self.recorder.flush()
    }

    async fn exchange(
        &self,
        gateway: &str,
        customer: Option<u32>,
        request: &RecordedRequest,
        token: Option<&str>,
    ) -> io::Result<Outcome> {
        let record = request.record.clone();
        let call = record.map(|record| self.recorder.asked(customer, record)).transpose()?;
        let answer = Answer::of(request.api.build(&self.http, gateway, token)).await;
        if let Some(call) = call {
            match &answer {
                Ok(answer) => self.recorder.answered(call, answer.status.as_u16(), &answer.body)?,
                // The debug form has the causes, which the display form leaves out.
                Err(error) => self
                    .recorder
                    .unanswered(call, format!("{error:?}"), !error.is_connect())?,
            }
        }
        Ok(match answer {
            Ok(answer) => Outcome::Answered(answer),
            Err(error) if error.is_connect() => Outcome::NoConnection,
            Err(_) => Outcome::NoAnswer,
        })
    }

    async fn rate_limit(&self) {
        let slot = {
            let mut next = self.next_anonymous.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = (*next).max(Instant::now());
            *next = slot + ANONYMOUS_INTERVAL;
            slot
        };
        sleep_until(slot).await;
    }
}

/// The jitter of one try: a function of its seed, so that the clients' pauses are independent of each other.
pub(super) fn jitter(seed: u64, tries: u64) -> f64 {
    StdRng::seed_from_u64(seed.wrapping_add(tries)).random()
}
