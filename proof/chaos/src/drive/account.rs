//! The account of a customer or of the administrator, and its session.

use super::{
    client::{RecordingClient, jitter},
    request::{Outcome, RecordedRequest},
    retry::{NextStep, next_step},
};
use crate::history::Request;
use platform_client::{
    HarnessError,
    answer::Answer,
    api::{PASSWORD, Tokens},
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use uuid::Uuid;

#[derive(Debug)]
pub(super) struct Account {
    /// Number of the customer; `None` for the administrator.
    number: Option<u32>,
    email: String,
    password: String,
    /// Locked while it is renewed, so that concurrent actions renew it once.
    session: Mutex<Option<Session>>,
}

#[derive(Debug)]
struct Session {
    tokens: Tokens,
    renew_at: Instant,
}

impl Account {
    /// The account of the administrator, which exists.
    pub(super) fn administrator(email: &str, password: &str) -> Self {
        Self::new(None, email.to_owned(), password)
    }

    fn new(number: Option<u32>, email: String, password: &str) -> Self {
        Self {
            number,
            email,
            password: password.to_owned(),
            session: Mutex::new(None),
        }
    }

    /// Registers a customer with an address that is new in this run, and logs in.
    pub(super) async fn register(client: &RecordingClient, run: Uuid, number: u32) -> Result<Self, HarnessError> {
        let account = Self::new(Some(number), format!("customer-{number}-{run}@example.org"), PASSWORD);
        let (email, name) = (account.email.clone(), format!("Customer {number}"));
        let request = Request::Register { email, name }.into();
        let answer = client
            .send_anonymously(account.number, &request, account.seed())
            .await?;
        // 409: an earlier try took effect and its answer got lost.
        if !answer.status.is_success() && answer.status != 409 {
            return Err(answer.refusal());
        }
        account.token(client, None).await?;
        Ok(account)
    }

    /// Sends a request with the session until there is a definite answer.
    pub(super) async fn send(
        &self,
        client: &RecordingClient,
        request: &RecordedRequest,
        seed: u64,
    ) -> Result<Answer, HarnessError> {
        let mut refused = None;
        let mut tries = 0;
        loop {
            let token = self.token(client, refused.as_deref()).await?;
            let outcome = client.try_once(self.number, request, Some(&token), tries == 0).await?;
            match next_step(outcome, tries, jitter(seed, tries)) {
                NextStep::Done(answer) => return Ok(answer),
                NextStep::RenewSession(_) => refused = Some(token),
                NextStep::RetryAfter(wait) => sleep(wait).await,
            }
            tries += 1;
        }
    }

    /// An access token with some lifetime left, other than the `refused` one.
    async fn token(&self, client: &RecordingClient, refused: Option<&str>) -> Result<String, HarnessError> {
        let mut session = self.session.lock().await;
        let is_good = |held: &Session| held.renew_at > Instant::now() && Some(&*held.tokens.access_token) != refused;
        let tokens = match session.take() {
            Some(held) if is_good(&held) => {
                let token = held.tokens.access_token.clone();
                *session = Some(held);
                return Ok(token);
            }
            Some(held) => self.renew(client, &held.tokens).await?,
            None => self.log_in(client).await?,
        };
        let token = tokens.access_token.clone();
        *session = Some(Session {
            // Early enough that a token does not expire on its way, and before the platform is at its slowest.
            renew_at: Instant::now() + tokens.lifetime() * 3 / 4,
            tokens,
        });
        Ok(token)
    }

    /// A refresh token works once: sent a second time, because an answer got lost, it would end the session. So it is used
    /// once, and after any failure a login follows.
    async fn renew(&self, client: &RecordingClient, tokens: &Tokens) -> Result<Tokens, HarnessError> {
        let request = RecordedRequest::refresh(&tokens.refresh_token);
        match client.try_once(self.number, &request, None, true).await? {
            Outcome::Answered(answer) if answer.status.is_success() => Tokens::from_answer(answer),
            _ => self.log_in(client).await,
        }
    }

    async fn log_in(&self, client: &RecordingClient) -> Result<Tokens, HarnessError> {
        let request = RecordedRequest::log_in(&self.email, &self.password);
        let answer = client.send_anonymously(self.number, &request, self.seed()).await?;
        Tokens::from_answer(answer)
    }

    fn seed(&self) -> u64 {
        self.number.map_or(u64::MAX, u64::from)
    }
}
