//! The schedule of a job: what follows a failed attempt.

use super::job::{Job, JobClaim};
use crate::failure::Failure;
use std::time::Duration;

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// Number of attempts to count.
    pub(super) attempts: i32,
    /// Number of failures to count.
    pub(super) failures: i32,
    /// Delay before the next attempt; `None` parks the job.
    pub(super) delay: Option<Duration>,
}

impl Next {
    /// Decides what follows the failure of a claimed job of kind `J`.
    ///
    /// What was not tried counts neither as an attempt nor as a failure; otherwise the delays would grow during an outage,
    /// and outlast it.
    pub(super) fn after<J: Job>(claim: &JobClaim, failure: &Failure) -> Self {
        let (attempts, failures) = match failure {
            Failure::NotTried { .. } => (claim.attempts - 1, claim.failures),
            _ => (claim.attempts, claim.failures.saturating_add(1)),
        };
        let delay = match failure {
            Failure::Permanent { .. } => None,
            _ if J::LIFETIME.is_some_and(|lifetime| claim.age_s >= lifetime.as_secs_f64()) => None,
            Failure::NotTried { after, .. } | Failure::Transient { after: Some(after), .. } => Some(*after),
            _ => Some(growing_delay(failures, J::DELAY_MAX)),
        };
        Self {
            attempts,
            failures,
            delay,
        }
    }

    /// Parks a job whose call was not begun, so that the attempt is not counted.
    pub(super) fn parked_untried(claim: &JobClaim) -> Self {
        Self {
            attempts: claim.attempts - 1,
            failures: claim.failures.saturating_add(1),
            delay: None,
        }
    }
}

/// Returns 1 s, 2 s, 4 s … up to `longest`.
fn growing_delay(failures: i32, longest: Duration) -> Duration {
    let doublings = u32::try_from(failures - 1).unwrap_or_default();
    Duration::from_secs(1 << doublings.min(32)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    #[derive(Serialize, Deserialize)]
    struct Letter;

    impl Job for Letter {
        const KIND: &'static str = "letter";
        const LIFETIME: Option<Duration> = Some(Duration::from_hours(24));
        type App = ();

        async fn run(self, _: &JobClaim, (): &()) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Debt;

    impl Job for Debt {
        const KIND: &'static str = "debt";
        type App = ();

        async fn run(self, _: &JobClaim, (): &()) -> Result<(), Failure> {
            Ok(())
        }
    }

    fn claim(failures: i32, age: Duration) -> JobClaim {
        JobClaim {
            id: Uuid::nil(),
            subject: Uuid::nil(),
            attempts: failures.saturating_add(1),
            failures,
            age_s: age.as_secs_f64(),
            kind: "any".to_owned(),
            payload: serde_json::Value::Null,
            correlation_id: String::new(),
            causation_id: String::new(),
            traceparent: None,
            lease: None,
        }
    }

    fn delay_s<J: Job>(failures: i32, age: Duration) -> Option<u64> {
        let next = Next::after::<J>(&claim(failures, age), &Failure::transient("no answer"));
        next.delay.map(|delay| delay.as_secs())
    }

    #[test]
    fn delays_grow_from_a_second_to_hours() {
        let delays = [0, 1, 2, 3, 12, 13, 14, 31, 32, 33, 1_000_000, i32::MAX];
        let delays = delays.map(|failures| delay_s::<Debt>(failures, Duration::ZERO).unwrap());
        assert_eq!(delays, [1, 2, 4, 8, 4096, 7200, 7200, 7200, 7200, 7200, 7200, 7200]);
    }

    #[test]
    fn a_job_is_parked_when_its_lifetime_is_over_and_one_without_a_lifetime_never() {
        let year = Duration::from_hours(24 * 365);
        assert_eq!(delay_s::<Letter>(3, Duration::from_hours(23)), Some(8));
        assert_eq!(delay_s::<Letter>(3, Duration::from_hours(24)), None);
        assert_eq!(delay_s::<Debt>(3, year), Some(8));
        let hopeless = Next::after::<Debt>(&claim(0, Duration::ZERO), &Failure::permanent("no such card"));
        assert_eq!((hopeless.attempts, hopeless.delay), (1, None));
    }

    #[test]
    fn what_was_not_tried_counts_nothing() {
        let refused = Failure::not_tried(Duration::from_secs(7), "the circuit is open");
        let next = Next::after::<Debt>(&claim(4, Duration::ZERO), &refused);
        let expected = Next {
            attempts: 4,
            failures: 4,
            delay: Some(Duration::from_secs(7)),
        };
        assert_eq!(next, expected);
    }
}
