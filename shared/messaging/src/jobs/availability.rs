//! The availability of a job kind's upstream. One refusal pauses the whole kind, so that workers do not claim rows only to
//! have the breaker reject each.

use std::time::Duration;
use tokio::{task::JoinError, time::Instant};

/// Longest cooldown after one refusal: a breaker may be open for minutes, and be closed by hand meanwhile.
const COOLDOWN_MAX: Duration = Duration::from_secs(5);

/// The observation of a call, and its time. Of two, the newer counts: calls end in another order than they were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Availability {
    observed_at: Instant,
    not_before: Instant,
}

impl Availability {
    /// The upstream has answered.
    pub(super) fn available() -> Self {
        let now = Instant::now();
        Self {
            observed_at: now,
            not_before: now,
        }
    }

    /// The breaker refuses calls for about this long.
    pub(super) fn unavailable_for(after: Duration) -> Self {
        let now = Instant::now();
        Self {
            observed_at: now,
            not_before: now + after.min(COOLDOWN_MAX),
        }
    }

    /// Returns the newer of this and what a call that has ended found out.
    pub(super) fn latest(self, ended: Result<Option<Self>, JoinError>) -> Self {
        ended.ok().flatten().map_or(self, |observed| self.max(observed))
    }

    /// Returns the end of the cooldown; `None` if calls may be made now.
    pub(super) fn cooldown_until(self) -> Option<Instant> {
        (Instant::now() < self.not_before).then_some(self.not_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_cooldown_counts_from_the_refusal_and_not_from_the_end_of_its_call() {
        let refused = Availability::unavailable_for(Duration::from_secs(1));
        advance(Duration::from_millis(900)).await;
        let latest = refused.latest(Ok(Some(refused)));
        assert!(latest.cooldown_until().is_some());
        advance(Duration::from_millis(101)).await;
        assert_eq!(latest.cooldown_until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_after_a_refusal_ends_the_cooldown_in_whichever_order_the_calls_end() {
        let refused = Availability::unavailable_for(Duration::from_secs(1));
        advance(Duration::from_millis(50)).await;
        let answered = Availability::available();
        assert_eq!(refused.latest(Ok(Some(answered))).cooldown_until(), None);
        assert_eq!(answered.latest(Ok(Some(refused))).cooldown_until(), None);
        assert!(refused.latest(Ok(None)).cooldown_until().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cooldown_is_limited_however_long_the_breaker_is_open() {
        let refused = Availability::unavailable_for(Duration::from_mins(5));
        advance(COOLDOWN_MAX).await;
        assert_eq!(refused.cooldown_until(), None);
    }
}
