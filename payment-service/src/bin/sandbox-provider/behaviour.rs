//! Behaviour of the sandbox, selected by the payment method of a charge.

/// The behaviour of a charge. A capture is in the log before anything else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// `pm_ok`: captures and answers at once.
    Ok,
    /// `pm_declined`: 402.
    Declined,
    /// `pm_slow`: captures at once, and answers after `SLOW_MS`.
    Slow,
    /// `pm_stall`: captures at once, and answers after `STALL_MS`; so does every repetition.
    Stall,
    /// `pm_cut`: captures, then closes the connection without an answer; so does every repetition.
    Cut,
    /// `pm_flaky`: 503 the first two times for a key, then like `pm_ok`.
    Flaky,
    /// Any other name: 402, as a provider does with a card that it does not know.
    Unknown,
}

impl Behaviour {
    pub(crate) fn of(payment_method: &str) -> Self {
        match payment_method {
            "pm_ok" => Self::Ok,
            "pm_declined" => Self::Declined,
            "pm_slow" => Self::Slow,
            "pm_stall" => Self::Stall,
            "pm_cut" => Self::Cut,
            "pm_flaky" => Self::Flaky,
            _ => Self::Unknown,
        }
    }

    /// Returns the reason for declining; `None` if the charge is captured.
    pub(crate) fn decline_reason(self) -> Option<&'static str> {
        match self {
            Self::Declined => Some("card_declined"),
            Self::Unknown => Some("unknown_payment_method"),
            Self::Ok | Self::Slow | Self::Stall | Self::Cut | Self::Flaky => None,
        }
    }
}
