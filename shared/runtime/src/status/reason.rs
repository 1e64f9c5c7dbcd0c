//! An operator's reason for a decision that is final.

use serde::Deserialize;
use web::problem::Problem;

const REASON_CHARS_MAX: usize = 500;

/// The body of a discard: `{"reason": "…"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    reason: String,
}

impl Reason {
    /// Returns the reason; 400 if it is empty or too long.
    pub(super) fn checked(self) -> Result<String, Problem> {
        check(&self.reason)?;
        Ok(self.reason)
    }
}

/// Answers 400 if the reason is empty, too long or cannot be stored.
pub(super) fn check(reason: &str) -> Result<(), Problem> {
    if reason.contains('\0') {
        return Err(Problem::bad_request("reason-text", "the reason must not contain a NUL"));
    }
    if (1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
        return Ok(());
    }
    let detail = format!("say why, in 1 to {REASON_CHARS_MAX} characters");
    Err(Problem::bad_request("reason-length", detail))
}
