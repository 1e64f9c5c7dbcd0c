//! Outcomes of calls to the provider.

use http_client::CallError;
use kernel::chain;
use messaging::Failure;
use std::time::Duration;

/// Pause after a call that never left, other than one that the breaker refused: the breaker knows better how long.
const UNSENT_PAUSE: Duration = Duration::from_secs(1);

/// The definite outcome of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    Captured,
    /// Nothing was captured, and nothing will be.
    Declined {
        /// The provider's reason, as a code.
        reason: String,
    },
    /// The key was never used, and is closed: a charge that still arrives under it is declined.
    Voided,
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
        let reason = chain(&unknown);
        match unknown {
            UnknownOutcome::NoAnswer(CallError::Open { retry_after, .. }) => Self::not_tried(retry_after, reason),
            unknown if unknown.nothing_sent() => Self::not_tried(UNSENT_PAUSE, reason),
            _ => Self::transient(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attempt(error: CallError) -> bool {
        !matches!(Failure::from(UnknownOutcome::from(error)), Failure::NotTried { .. })
    }

    #[test]
    fn only_what_may_have_been_sent_is_an_attempt() {
        let target = || "provider".into();
        let retry_after = Duration::from_secs(2);
        assert!(!is_attempt(CallError::Open {
            target: target(),
            retry_after
        }));
        assert!(!is_attempt(CallError::Bulkhead { target: target() }));
        assert!(!is_attempt(CallError::Deadline {
            target: target(),
            sent: false
        }));
        assert!(is_attempt(CallError::Deadline {
            target: target(),
            sent: true
        }));
        assert!(is_attempt(CallError::Timeout { target: target() }));
        let not_definite = UnknownOutcome::NotDefinite { status: 503 };
        assert!(matches!(Failure::from(not_definite), Failure::Transient { .. }));
    }
}
