//! Asks the gateways, and writes down every try before and after.

use super::{
    TrafficError,
    account::Account,
    call::{Answer, Call, Outcome},
    retry::{self, Next},
    tally::Counters,
};
use crate::history::Recorder;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::header::RETRY_AFTER;
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, sleep_until};

/// Longer than any answer of the gateway takes.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Without a token all clients share the bucket of their one address, ten a second; they stay below it.
const DOOR_INTERVAL: Duration = Duration::from_millis(150);

/// What all clients share.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) counters: Counters,
    http: reqwest::Client,
    gateways: Vec<String>,
    recorder: Arc<Recorder>,
    /// When the next may ask without a token.
    door: Mutex<Instant>,
}

impl Client {
    #[expect(
        clippy::disallowed_methods,
        reason = "a customer has no breaker: they ask whatever state the platform is in"
    )]
    pub(super) fn new(gateways: Vec<String>, recorder: Arc<Recorder>) -> reqwest::Result<Self> {
        Ok(Self {
            counters: Counters::default(),
            http: reqwest::Client::builder()
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .build()?,
            gateways,
            recorder,
            door: Mutex::new(Instant::now()),
        })
    }

    /// Asks with a session until there is a definite answer.
    pub(super) async fn settle(&self, who: &Account, call: &Call, seed: u64) -> Result<Answer, TrafficError> {
        let mut refused = None;
        let mut tries = 0;
        loop {
            let token = who.token(self, refused.as_deref()).await?;
            let outcome = self.ask(who, call, Some(&token), tries == 0).await?;
            match retry::next(outcome, tries, jitter(seed, tries)) {
                Next::Done(answer) => return Ok(answer),
                Next::Renew(_) => refused = Some(token),
                Next::AskAgain(wait) => sleep(wait).await,
            }
            tries += 1;
        }
    }

    /// Asks without a session until there is a definite answer.
    pub(super) async fn settle_openly(&self, who: &Account, call: &Call, seed: u64) -> Result<Answer, TrafficError> {
        let mut tries = 0;
        loop {
            let outcome = self.ask(who, call, None, tries == 0).await?;
            match retry::next(outcome, tries, jitter(seed, tries)) {
                Next::Done(answer) | Next::Renew(answer) => return Ok(answer),
                Next::AskAgain(wait) => sleep(wait).await,
            }
            tries += 1;
        }
    }

    /// Tries once: at the preferred gateway, and where no connection can be made at the others, as a load balancer does.
    pub(super) async fn ask(
        &self,
        who: &Account,
        call: &Call,
        token: Option<&str>,
        is_first: bool,
    ) -> Result<Outcome, TrafficError> {
        if token.is_none() {
            self.pass_the_door().await;
        }
        let mut outcome = Outcome::NoConnection;
        let preferred = who.preference() % self.gateways.len().max(1);
        let (later, first) = self.gateways.split_at(preferred);
        for gateway in first.iter().chain(later) {
            outcome = self.send(gateway, who, call, token).await?;
            if outcome != Outcome::NoConnection {
                break;
            }
        }
        self.counters.tried(call, &outcome, is_first);
        Ok(outcome)
    }

    /// Everything so far is in the history.
    pub(super) fn flush(&self) -> Result<(), TrafficError> {
        Ok(self.recorder.flush()?)
    }

    async fn send(
        &self,
        gateway: &str,
        who: &Account,
        call: &Call,
        token: Option<&str>,
    ) -> Result<Outcome, TrafficError> {
        let number = match &call.record {
            Some(request) => Some(self.recorder.asked(who.number, request.clone())?),
            None => None,
        };
        let heard = exchange(self.request(gateway, call, token)).await;
        if let Some(number) = number {
            self.write_down(number, &heard)?;
        }
        Ok(match heard {
            Ok(answer) => Outcome::Answered(answer),
            Err(error) if error.is_connect() => Outcome::NoConnection,
            Err(_) => Outcome::NoAnswer,
        })
    }

    fn write_down(&self, number: u64, heard: &reqwest::Result<Answer>) -> io::Result<()> {
        match heard {
            Ok(answer) => self.recorder.answered(number, answer.status, &answer.body),
            // The debug form has the causes, which the display form leaves out.
            Err(error) => self
                .recorder
                .unanswered(number, &format!("{error:?}"), !error.is_connect()),
        }
    }

    fn request(&self, gateway: &str, call: &Call, token: Option<&str>) -> reqwest::RequestBuilder {
        let url = format!("{gateway}{}", call.path);
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = call.key {
            request = request.header("Idempotency-Key", key.to_string());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        request
    }

    async fn pass_the_door(&self) {
        let turn = {
            let mut next = self.door.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + DOOR_INTERVAL;
            turn
        };
        sleep_until(turn).await;
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let retry_after_s = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: retry_after_s.map(Duration::from_secs),
        body: response.text().await?,
    })
}

/// The jitter of one try. A function of its seed, so that nobody's waiting depends on anybody else's.
fn jitter(seed: u64, tries: u64) -> f64 {
    StdRng::seed_from_u64(seed.wrapping_add(tries)).random()
}
