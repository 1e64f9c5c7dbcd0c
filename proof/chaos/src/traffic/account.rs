//! Somebody who can log in, and their session.

use super::{
    TrafficError,
    call::{Answer, Call, Outcome},
    client::Client,
};
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery staple";

/// A customer or the administrator.
#[derive(Debug)]
pub(super) struct Account {
    /// The number of a customer; `None` for the administrator.
    pub(super) number: Option<u32>,
    email: String,
    password: String,
    /// Locked while it is renewed, so that those who lost it together renew it once.
    session: Mutex<Option<Session>>,
}

#[derive(Debug)]
struct Session {
    access_token: String,
    refresh_token: String,
    renew_at: Instant,
}

impl Account {
    /// The administrator, who exists.
    pub(super) fn administrator(email: String, password: String) -> Self {
        Self {
            number: None,
            email,
            password,
            session: Mutex::new(None),
        }
    }

    /// Registers a customer with an address that is new in this run, and logs them in.
    pub(super) async fn register(client: &Client, run: Uuid, number: u32) -> Result<Self, TrafficError> {
        let account = Self {
            number: Some(number),
            email: format!("customer-{number}-{run}@example.org"),
            password: PASSWORD.to_owned(),
            session: Mutex::new(None),
        };
        let call = Call::register(&account.email, &format!("Customer {number}"), PASSWORD);
        let answer = client.settle_openly(&account, &call, account.seed()).await?;
        // 409: an earlier try took effect and its answer got lost.
        if !answer.is_success() && answer.status != 409 {
            return Err(answer.refusal("registering"));
        }
        let _token = account.token(client, None).await?;
        Ok(account)
    }

    /// Which gateway is asked first: half of the customers prefer each of two.
    pub(super) fn preference(&self) -> usize {
        self.number.map_or(0, |number| number as usize)
    }

    /// An access token that will last for a while, and is not the one that was `refused`.
    pub(super) async fn token(&self, client: &Client, refused: Option<&str>) -> Result<String, TrafficError> {
        let mut session = self.session.lock().await;
        let is_good = |held: &Session| held.renew_at > Instant::now() && Some(&*held.access_token) != refused;
        let held = match session.take() {
            Some(held) if is_good(&held) => held,
            Some(held) => self.renew(client, &held).await?,
            None => self.log_in(client).await?,
        };
        let token = held.access_token.clone();
        *session = Some(held);
        Ok(token)
    }

    /// A refresh token works once: asked for a second time, because an answer got lost, it would end the session. So it
    /// is used once, and whatever goes wrong, logging in is right.
    async fn renew(&self, client: &Client, held: &Session) -> Result<Session, TrafficError> {
        let call = Call::refresh(&held.refresh_token);
        match client.ask(self, &call, None, true).await? {
            Outcome::Answered(answer) if answer.is_success() => Session::of(&answer),
            _ => self.log_in(client).await,
        }
    }

    async fn log_in(&self, client: &Client) -> Result<Session, TrafficError> {
        let call = Call::log_in(&self.email, &self.password);
        let answer = client.settle_openly(self, &call, self.seed()).await?;
        Session::of(&answer)
    }

    fn seed(&self) -> u64 {
        self.number.map_or(u64::MAX, u64::from)
    }
}

impl Session {
    fn of(answer: &Answer) -> Result<Self, TrafficError> {
        let grant = answer.value();
        let text = |field: &str| grant[field].as_str().map(str::to_owned);
        let session = || {
            let lifetime = Duration::from_secs(grant["expiresInS"].as_u64()?);
            Some(Self {
                access_token: text("accessToken")?,
                refresh_token: text("refreshToken")?,
                // Early enough that a token does not run out on its way, and before the platform is at its slowest.
                renew_at: Instant::now() + lifetime * 3 / 4,
            })
        };
        session().ok_or_else(|| answer.refusal("logging in"))
    }
}
