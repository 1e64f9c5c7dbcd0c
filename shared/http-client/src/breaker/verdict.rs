//! The verdict of a call on the health of its upstream.

/// The verdict of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The upstream answered and did what was asked.
    Success,
    /// The upstream did not answer, or answered that it cannot; with the error.
    Failure(String),
    /// The upstream asks for fewer calls: neutral while closed, but it fails a probe.
    Throttled,
    /// No verdict: the caller's mistake, or a refusal.
    Neutral,
}

impl Verdict {
    /// Returns the label of the metric.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(_) => "failure",
            Self::Throttled | Self::Neutral => "ignored",
        }
    }
}
