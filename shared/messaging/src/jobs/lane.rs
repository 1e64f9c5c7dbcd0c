//! The two lanes of a job kind: jobs that have never failed, and jobs that have.

use super::job::Job;

/// A lane of one kind of job, with calls of its own.
///
/// Both lanes take their jobs in the order in which they are due, and neither waits for the other: any number of jobs that
/// fail slowly and for ever delays no fresh one, and any number of fresh ones delays no second attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// No attempt has failed yet.
    Fresh,
    /// At least one has.
    Failed,
}

impl Lane {
    /// Returns the number of calls that one instance makes at a time.
    pub(super) fn calls_max<J: Job>(self) -> usize {
        match self {
            Self::Fresh => J::CALLS_MAX,
            Self::Failed => J::CALLS_MAX.div_ceil(2),
        }
    }

    /// Returns the condition on the rows of the lane, as in the index of the lane.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Self::Fresh => "failures = 0",
            Self::Failed => "failures > 0",
        }
    }
}
