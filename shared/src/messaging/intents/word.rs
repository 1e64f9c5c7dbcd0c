//! Whether anybody is there to be asked. Whoever is away is away for all calls of a kind: to claim them in turn, only for
//! the breaker to refuse each, would keep the database busy and nothing else.

use std::time::Duration;
use tokio::{task::JoinError, time::Instant};

/// The longest rest after one refusal: a breaker may be opened for minutes, and be closed by hand meanwhile.
const REST_MAX: Duration = Duration::from_secs(5);

/// What a call found out, and when. Of two, the newer counts: calls end in another order than they were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    heard_at: Instant,
    not_before: Instant,
}

impl Word {
    /// Somebody is there.
    pub(super) fn free() -> Self {
        let now = Instant::now();
        Self {
            heard_at: now,
            not_before: now,
        }
    }

    /// Nobody is, for about this long.
    pub(super) fn away_for(after: Duration) -> Self {
        let now = Instant::now();
        Self {
            heard_at: now,
            not_before: now + after.min(REST_MAX),
        }
    }

    /// This, or what the call that has ended found out later.
    pub(super) fn or_newer(self, ended: Result<Option<Self>, JoinError>) -> Self {
        ended.ok().flatten().map_or(self, |word| self.max(word))
    }

    /// Until when nobody need be asked; `None` if somebody may be.
    pub(super) fn away_until(self) -> Option<Instant> {
        (Instant::now() < self.not_before).then_some(self.not_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_counts_from_when_it_was_heard() {
        let refused = Word::away_for(Duration::from_secs(1));
        advance(Duration::from_millis(900)).await;
        // However late its call ends.
        let newest = refused.or_newer(Ok(Some(refused)));
        assert!(newest.away_until().is_some());
        advance(Duration::from_millis(101)).await;
        assert_eq!(newest.away_until(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_after_a_refusal_ends_the_rest_whichever_call_ends_first() {
        let refused = Word::away_for(Duration::from_secs(1));
        advance(Duration::from_millis(50)).await;
        let answered = Word::free();
        assert_eq!(refused.or_newer(Ok(Some(answered))).away_until(), None);
        assert_eq!(answered.or_newer(Ok(Some(refused))).away_until(), None);
        assert!(refused.or_newer(Ok(None)).away_until().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_rests_for_minutes() {
        let refused = Word::away_for(Duration::from_mins(5));
        advance(REST_MAX).await;
        assert_eq!(refused.away_until(), None);
    }
}
