//! An HTTP answer, read whole.

use crate::error::HarnessError;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// Tries of a patient caller who meets 429, 5xx or no answer.
const PATIENT_TRIES: u32 = 60;
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const UNANSWERED_PAUSE: Duration = Duration::from_millis(500);

/// Status, headers and body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status, whatever it is.
    pub status: StatusCode,
    /// Headers as received.
    pub headers: HeaderMap,
    /// Body as text.
    pub body: String,
    /// Method and path of the request.
    pub request: String,
}

impl Answer {
    /// Sends the request once.
    pub async fn of(request: RequestBuilder) -> reqwest::Result<Self> {
        let (client, request) = request.build_split();
        let request = request?;
        let described = format!("{} {}", request.method(), request.url().path());
        let response = client.execute(request).await?;
        Ok(Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await?,
            request: described,
        })
    }

    /// Sends the request as a well-behaved client does: after 429, 5xx or a lost answer it waits and asks again. Only for
    /// idempotent requests.
    pub async fn patiently(request: RequestBuilder) -> Result<Self, HarnessError> {
        let mut tries = 0;
        loop {
            let copy = request.try_clone();
            let again = copy.ok_or_else(|| HarnessError::unexpected("a streamed request cannot be sent twice"))?;
            tries += 1;
            let outcome = Self::of(again).await;
            let pause = match &outcome {
                Ok(answer) if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    answer.retry_after().unwrap_or(RETRY_AFTER_DEFAULT)
                }
                Ok(_) => return Ok(outcome?),
                Err(_) => UNANSWERED_PAUSE,
            };
            if tries == PATIENT_TRIES {
                return Ok(outcome?);
            }
            sleep(pause).await;
        }
    }

    /// Returns the answer if it has this status.
    pub fn expect_status(self, status: StatusCode) -> Result<Self, HarnessError> {
        if self.status == status {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    /// The error of a caller that cannot go on with this answer.
    pub fn refusal(self) -> HarnessError {
        HarnessError::Refused {
            request: self.request,
            status: self.status.as_u16(),
            body: self.body,
        }
    }

    /// The body as a type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HarnessError> {
        Ok(serde_json::from_str(&self.body)?)
    }

    /// The body as JSON of any shape; `null` if it is not JSON.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The id of the resource in the body.
    pub fn id(&self) -> Option<Uuid> {
        self.value()["id"].as_str()?.parse().ok()
    }

    /// The delay that the `Retry-After` header asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get("retry-after")?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }
}
