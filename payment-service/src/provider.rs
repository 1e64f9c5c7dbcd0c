//! The payment provider as this service sees it: the one place that knows its paths, words and statuses.

use serde::{Deserialize, Serialize};
use shared::{
    context::Context,
    http_client::{Answer, CallError, ResilientHttpClient},
    messaging::failure::Failure,
};
use uuid::Uuid;

/// A charge to be made. Its idempotency key is the payment's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// How much.
    pub amount_minor: i64,
    /// Of what, ISO 4217.
    pub currency: String,
    /// From whom.
    pub payment_method: String,
    /// Our name for it: the order's id.
    pub reference: Uuid,
}

/// A refund to be made. Its idempotency key is the id of its intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The key of the charge.
    pub charge_key: Uuid,
    /// How much of it; always all.
    pub amount_minor: i64,
}

/// What became of a charge, for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The money is taken.
    Captured,
    /// It is not, and will not be.
    Declined {
        /// The provider's word for why.
        reason: String,
    },
}

/// The outcome of a call cannot be told. It may or may not have had its effect, so it is asked for by key.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// There was no answer.
    #[error("the provider gave no answer: {0}")]
    NoAnswer(#[from] CallError),
    /// There was one that decides nothing.
    #[error("the provider answered {status}, which decides nothing")]
    Undecided {
        /// Its HTTP status.
        status: u16,
    },
}

impl Unknown {
    /// Whether this call cannot have had any effect, so that there is nothing to ask about.
    pub fn nothing_sent(&self) -> bool {
        matches!(self, Self::NoAnswer(error) if !error.outcome_unknown())
    }
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::NoAnswer(CallError::Open { retry_after, .. }) => Self::not_tried(retry_after, unknown.to_string()),
            _ => Self::transient(unknown.to_string()),
        }
    }
}

#[derive(Deserialize)]
struct ChargeView {
    status: ChargeStatus,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChargeStatus {
    Captured,
    Declined,
}

#[derive(Deserialize)]
struct RefundView {
    status: RefundStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RefundStatus {
    Refunded,
}

#[derive(Deserialize)]
struct RefusalView {
    code: String,
}

/// Charges. Asking twice with the same key is asking once.
pub async fn charge(
    client: &ResilientHttpClient,
    context: &Context,
    key: Uuid,
    charge: &Charge,
) -> Result<Outcome, Unknown> {
    let call = client
        .post("/charges")
        .context(context)
        .idempotency_key(key.to_string())
        .json(charge);
    let answer = call.send().await?;
    match answer.status.as_u16() {
        200 | 201 | 402 => Ok(charge_outcome(&answer)?),
        // The provider read it and will never take it; nothing was captured.
        400 => Ok(Outcome::Declined {
            reason: refusal_code(&answer),
        }),
        status => Err(Unknown::Undecided { status }),
    }
}

/// What became of the charge with this key; `None` if the provider has never seen it.
pub async fn find_charge(
    client: &ResilientHttpClient,
    context: &Context,
    key: Uuid,
) -> Result<Option<Outcome>, Unknown> {
    let answer = client.get(&format!("/charges/{key}")).context(context).send().await?;
    match answer.status.as_u16() {
        200 => Ok(Some(charge_outcome(&answer)?)),
        404 => Ok(None),
        status => Err(Unknown::Undecided { status }),
    }
}

/// Gives money back. Asking twice with the same key is asking once.
pub async fn refund(
    client: &ResilientHttpClient,
    context: &Context,
    key: Uuid,
    refund: &Refund,
) -> Result<(), Unknown> {
    let call = client
        .post("/refunds")
        .context(context)
        .idempotency_key(key.to_string())
        .json(refund);
    let answer = call.send().await?;
    match answer.status.as_u16() {
        200 | 201 => refund_outcome(&answer),
        status => Err(Unknown::Undecided { status }),
    }
}

/// Whether the provider has made the refund with this key.
pub async fn find_refund(client: &ResilientHttpClient, context: &Context, key: Uuid) -> Result<bool, Unknown> {
    let answer = client.get(&format!("/refunds/{key}")).context(context).send().await?;
    match answer.status.as_u16() {
        200 => refund_outcome(&answer).map(|()| true),
        404 => Ok(false),
        status => Err(Unknown::Undecided { status }),
    }
}

fn charge_outcome(answer: &Answer) -> Result<Outcome, CallError> {
    let ChargeView { status, reason } = answer.json()?;
    Ok(match status {
        ChargeStatus::Captured => Outcome::Captured,
        ChargeStatus::Declined => Outcome::Declined {
            reason: reason.unwrap_or_else(|| "declined".to_owned()),
        },
    })
}

fn refund_outcome(answer: &Answer) -> Result<(), Unknown> {
    let RefundView {
        status: RefundStatus::Refunded,
    } = answer.json()?;
    Ok(())
}

fn refusal_code(answer: &Answer) -> String {
    answer
        .json()
        .map_or_else(|_| "refused".to_owned(), |RefusalView { code }| code)
}
