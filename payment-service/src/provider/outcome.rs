//! Outcomes of calls to the provider.

use http_client::CallError;
use kernel::chain;
use messaging::Failure;

/// The definite outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    Captured,
    /// Nothing was captured, and nothing will be.
    Declined {
        /// The provider's reason, as a code.
        reason: String,
    },
}

/// The error of a call without a definite outcome. The call may or may not have had its effect, so its outcome is queried
/// by idempotency key.
#[derive(Debug, thiserror::Error)]
pub enum UnknownOutcome {
    #[error("the provider gave no usable answer: {0}")]
    NoAnswer(#[from] CallError),
    #[error("the provider answered {status}, which is no definite outcome")]
    NotDefinite { status: u16 },
}

impl UnknownOutcome {
    /// Returns true if the call cannot have had any effect, so that there is nothing to query.
    pub fn nothing_sent(&self) -> bool {
        matches!(self, Self::NoAnswer(error) if !error.outcome_unknown())
    }
}

impl From<UnknownOutcome> for Failure {
    fn from(unknown: UnknownOutcome) -> Self {
        match unknown {
            UnknownOutcome::NoAnswer(CallError::Open { retry_after, .. }) => {
                Self::not_tried(retry_after, chain(&unknown))
            }
            _ => Self::transient(chain(&unknown)),
        }
    }
}
