//! An HTTP answer, read whole.

use crate::trouble::Trouble;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// How often a caller waits out a 429 or a 503 before giving up.
const PATIENT_TRIES: u32 = 60;

/// Status, headers and body of an answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
    what: String,
}

impl Answer {
    /// Sends the request once.
    pub async fn of(what: &str, request: RequestBuilder) -> Result<Self, Trouble> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self {
            status,
            headers,
            body: response.text().await?,
            what: what.to_owned(),
        })
    }

    /// Sends the request as a well-behaved client does: told to wait (429, 503), or cut off, it waits and asks again.
    /// Use it only for what may be asked twice.
    pub async fn patiently(what: &str, request: RequestBuilder) -> Result<Self, Trouble> {
        let mut tries = 0;
        loop {
            let again = request
                .try_clone()
                .ok_or_else(|| Trouble::Disagreement(format!("{what} cannot be asked twice")))?;
            tries += 1;
            let outcome = Self::of(what, again).await;
            let pause = match &outcome {
                Ok(answer) if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    answer.retry_after()
                }
                Ok(_) => return outcome,
                Err(_) => Duration::from_millis(500),
            };
            if tries == PATIENT_TRIES {
                return outcome;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// The answer, if it has this status.
    pub fn expect(self, status: StatusCode) -> Result<Self, Trouble> {
        if self.status == status {
            return Ok(self);
        }
        Err(Trouble::Refused {
            what: self.what,
            status: self.status.as_u16(),
            body: self.body,
        })
    }

    /// The body as a type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        Ok(serde_json::from_str(&self.body)?)
    }

    /// The body as JSON of any shape; `null` where it is none.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    fn retry_after(&self) -> Duration {
        let seconds = self
            .headers
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Duration::from_secs(seconds.unwrap_or(1))
    }
}
