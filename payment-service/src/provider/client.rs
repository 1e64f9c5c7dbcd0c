//! The client of the provider.

use super::{
    outcome::{ChargeOutcome, UnknownOutcome},
    request::{Charge, Refund},
};
use crate::{
    config::Config,
    domain::{PaymentId, RefundId},
};
use http_client::{Answer, CallError, ClientConfig, ResilientHttpClient};
use kernel::context::Context;
use serde::{Deserialize, Serialize};
use std::{fmt::Display, time::Duration};

/// A client of the payment provider. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ProviderClient {
    http: ResilientHttpClient,
}

/// Longest reason of the provider that is kept.
const REASON_CHARS_MAX: usize = 200;

/// Returns the limits of calls to the provider.
pub fn client_config(config: &Config) -> ClientConfig {
    let timeout = config.provider_timeout();
    let mut client = ClientConfig::new("payment-provider", config.provider_url.clone());
    client.attempt_timeout = timeout;
    client.deadline = timeout + Duration::from_secs(1);
    // The job retries, after it has queried the outcome of the last attempt. A retry of the client would not query.
    client.retry.retries_max = 0;
    // Two kinds of job, each with two lanes of twelve calls together.
    client.concurrency_max = 24;
    // A provider may normally take seconds; a call that is too slow ends at the timeout.
    client.breaker.slow_call = timeout;
    // Payments wait for the provider, and orders have a deadline, so probes stay frequent however long the outage lasts.
    // With half a minute between probes, a few cards that fail twice each would hold up all payments for minutes, because
    // their own attempts are the probes (`docs/adr/0006-breakers-on-the-customers-way-ask-sooner.md`).
    client.breaker.open_for = Duration::from_secs(1);
    client.breaker.open_for_max = Duration::from_secs(2);
    client
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum ChargeAnswer {
    Captured,
    Declined { reason: Option<String> },
    Voided,
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum RefundAnswer {
    Refunded,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    code: String,
}

impl ProviderClient {
    /// Creates a client that calls through `http`.
    pub fn new(http: ResilientHttpClient) -> Self {
        Self { http }
    }

    /// Charges. Two calls with the same key charge once.
    pub async fn charge(
        &self,
        context: &Context,
        key: PaymentId,
        charge: &Charge,
    ) -> Result<ChargeOutcome, UnknownOutcome> {
        let answer = self.post("/charges", context, key, charge).await?;
        match answer.status.as_u16() {
            200 | 201 | 402 => Ok(charge_outcome(&answer)?),
            // The provider has read the request and will never accept it; nothing was captured.
            400 => Ok(ChargeOutcome::Declined {
                reason: error_code(&answer),
            }),
            status => Err(UnknownOutcome::NotDefinite { status }),
        }
    }

    /// Queries the outcome of the charge with this key; `None` if the provider does not know the key.
    pub async fn find_charge(
        &self,
        context: &Context,
        key: PaymentId,
    ) -> Result<Option<ChargeOutcome>, UnknownOutcome> {
        let answer = self.get(&format!("/charges/{key}"), context).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(charge_outcome(&answer)?)),
            404 => Ok(None),
            status => Err(UnknownOutcome::NotDefinite { status }),
        }
    }

    /// Closes the key of a charge, so that one that is still on its way can never be captured; returns the outcome if the
    /// provider knows the charge. Two calls with the same key do what one does.
    pub async fn void_charge(&self, context: &Context, key: PaymentId) -> Result<ChargeOutcome, UnknownOutcome> {
        let request = self.http.post(&format!("/charges/{key}/void")).context(context);
        let answer = request.send().await?;
        match answer.status.as_u16() {
            // 409: it was captured before.
            200 | 409 => Ok(charge_outcome(&answer)?),
            status => Err(UnknownOutcome::NotDefinite { status }),
        }
    }

    /// Refunds. Two calls with the same key refund once.
    pub async fn refund(&self, context: &Context, key: RefundId, refund: &Refund) -> Result<(), UnknownOutcome> {
        let answer = self.post("/refunds", context, key, refund).await?;
        match answer.status.as_u16() {
            200 | 201 => Ok(refund_outcome(&answer)?),
            status => Err(UnknownOutcome::NotDefinite { status }),
        }
    }

    /// Queries the refund with this key; `false` if the provider does not know the key.
    pub async fn find_refund(&self, context: &Context, key: RefundId) -> Result<bool, UnknownOutcome> {
        let answer = self.get(&format!("/refunds/{key}"), context).await?;
        match answer.status.as_u16() {
            200 => Ok(refund_outcome(&answer).map(|()| true)?),
            404 => Ok(false),
            status => Err(UnknownOutcome::NotDefinite { status }),
        }
    }

    async fn get(&self, path: &str, context: &Context) -> Result<Answer, CallError> {
        self.http.get(path).context(context).send().await
    }

    async fn post(
        &self,
        path: &str,
        context: &Context,
        key: impl Display,
        body: &impl Serialize,
    ) -> Result<Answer, CallError> {
        let request = self.http.post(path).context(context);
        request.idempotency_key(key.to_string()).json(body).send().await
    }
}

fn charge_outcome(answer: &Answer) -> Result<ChargeOutcome, CallError> {
    Ok(match answer.json()? {
        ChargeAnswer::Captured => ChargeOutcome::Captured,
        ChargeAnswer::Declined { reason } => ChargeOutcome::Declined {
            reason: reason.map_or_else(|| "declined".to_owned(), |reason| as_code(&reason)),
        },
        ChargeAnswer::Voided => ChargeOutcome::Voided,
    })
}

fn refund_outcome(answer: &Answer) -> Result<(), CallError> {
    answer.json().map(|RefundAnswer::Refunded| ())
}

fn error_code(answer: &Answer) -> String {
    answer
        .json()
        .map_or_else(|_| "refused".to_owned(), |ErrorAnswer { code }| as_code(&code))
}

/// Shortens the provider's text and removes control characters. It is stored and published, and must hold up neither.
fn as_code(text: &str) -> String {
    let text = text.chars().filter(|letter| !letter.is_control());
    text.take(REASON_CHARS_MAX).collect()
}
