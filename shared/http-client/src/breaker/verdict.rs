//! The verdict of a call on the health of its upstream.

/// The verdict of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The upstream answered and did what was asked.
    Success,
    /// The upstream did not answer, or answered that it cannot; with the error.
    Failure(String),
    /// The upstream answered, and did not do what was asked for reasons that are the caller's: nothing has changed, nobody
    /// is logged in, no such thing. It is there, which is all that a probe asks; it says nothing about the upstream's work.
    Answered,
    /// The upstream asks for fewer calls: neutral while closed, but it fails a probe.
    Throttled,
    /// No verdict: nothing was heard of the upstream.
    Neutral,
}

impl Verdict {
    /// Returns the label of the metric.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(_) => "failure",
            Self::Answered | Self::Throttled | Self::Neutral => "ignored",
        }
    }
}
