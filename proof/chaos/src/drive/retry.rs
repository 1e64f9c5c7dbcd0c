//! The retry policy of a well-behaved client.

use super::request::Outcome;
use platform_client::answer::Answer;
use std::time::Duration;

/// The shortest pause before a retry that the platform gave no time for.
const PAUSE: Duration = Duration::from_millis(500);
/// The jitter is up to [`PAUSE`] at first, and doubles with each further try this many times.
const DOUBLINGS_MAX: u64 = 4;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// The answer is definite.
    Done(Answer),
    /// The session is not known: renew it and send again. Without a session this is the definite answer.
    RenewSession(Answer),
    RetryAfter(Duration),
}

/// Decides after this many earlier tries. `jitter` is from 0 to 1, so that clients that were refused together do not come
/// back together; that it grows with each try gives an overloaded platform time to recover.
pub(super) fn next_step(outcome: Outcome, earlier_tries: u64, jitter: f64) -> NextStep {
    let factor = 1_u32 << earlier_tries.min(DOUBLINGS_MAX);
    let spread = (PAUSE * factor).mul_f64(jitter);
    let Outcome::Answered(answer) = outcome else {
        return NextStep::RetryAfter(PAUSE + spread);
    };
    match (answer.status.as_u16(), answer.retry_after()) {
        (401, _) => NextStep::RenewSession(answer),
        // 409 with a time to wait: the key's first request is still in progress.
        (409 | 429 | 503, Some(wait)) => NextStep::RetryAfter(wait + spread),
        (408 | 429 | 500.., _) => NextStep::RetryAfter(PAUSE + spread),
        _ => NextStep::Done(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::{
        StatusCode,
        header::{HeaderMap, RETRY_AFTER},
    };

    fn answered(status: u16, retry_after_s: Option<u64>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after_s.map(|seconds| (RETRY_AFTER, seconds.into())));
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: String::new(),
            request: String::new(),
        }
    }

    fn after(status: u16, retry_after_s: Option<u64>) -> NextStep {
        next_step(Outcome::Answered(answered(status, retry_after_s)), 0, 0.5)
    }

    #[test]
    fn a_definite_answer_is_final() {
        for status in [200, 201, 204, 400, 403, 404, 409, 412, 422] {
            assert_eq!(after(status, None), NextStep::Done(answered(status, None)), "{status}");
        }
    }

    #[test]
    fn retry_after_is_respected_with_jitter() {
        let wait = NextStep::RetryAfter(Duration::from_millis(2250));
        for status in [409, 429, 503] {
            assert_eq!(after(status, Some(2)), wait, "{status}");
        }
    }

    #[test]
    fn pauses_grow_with_each_try_up_to_a_limit() {
        let waits = |tries| match next_step(Outcome::NoAnswer, tries, 1.0) {
            NextStep::RetryAfter(wait) => wait.as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 2, 4, 50].map(waits), [1_000, 1_500, 2_500, 8_500, 8_500]);
    }

    #[test]
    fn an_unknown_outcome_is_retried() {
        let wait = NextStep::RetryAfter(Duration::from_millis(750));
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(after(status, None), wait, "{status}");
        }
        for outcome in [Outcome::NoConnection, Outcome::NoAnswer] {
            let wait = NextStep::RetryAfter(Duration::from_secs(1));
            assert_eq!(next_step(outcome, 0, 1.0), wait);
        }
    }

    #[test]
    fn an_expired_session_is_renewed() {
        assert_eq!(after(401, None), NextStep::RenewSession(answered(401, None)));
    }
}
