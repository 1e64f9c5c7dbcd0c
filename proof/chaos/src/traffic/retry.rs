//! What a well-behaved client does with what it heard.

use super::call::{Answer, Outcome};
use std::time::Duration;

/// Who was not told how long to wait waits this long at least.
const PAUSE: Duration = Duration::from_millis(500);
/// Everybody waits up to [`PAUSE`] more, and twice as much more with each further try, so many times.
const DOUBLINGS_MAX: u64 = 4;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: this is the answer.
    Done(Answer),
    /// The platform does not know the session: renew it and ask again. Where there is none, this is the answer.
    Renew(Answer),
    /// Ask the same again after this time.
    AskAgain(Duration),
}

/// Decides after this many earlier tries. `jitter` is from 0 to 1, so that clients who were turned away together do not come back
/// together; that it counts for more with each try gives a platform in need time to recover.
pub(super) fn next(outcome: Outcome, earlier_tries: u64, jitter: f64) -> Next {
    let factor = 1_u32 << earlier_tries.min(DOUBLINGS_MAX);
    let spread = (PAUSE * factor).mul_f64(jitter);
    let Outcome::Answered(answer) = outcome else {
        return Next::AskAgain(PAUSE + spread);
    };
    match (answer.status, answer.retry_after) {
        (401, _) => Next::Renew(answer),
        // 409 with a time to wait: the key's first request is still at work.
        (409 | 429 | 503, Some(wait)) => Next::AskAgain(wait + spread),
        (408 | 429 | 500.., _) => Next::AskAgain(PAUSE + spread),
        _ => Next::Done(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after_s: Option<u64>) -> Answer {
        Answer {
            status,
            retry_after: retry_after_s.map(Duration::from_secs),
            body: String::new(),
        }
    }

    fn after(status: u16, retry_after_s: Option<u64>) -> Next {
        next(Outcome::Answered(answered(status, retry_after_s)), 0, 0.5)
    }

    #[test]
    fn a_definite_answer_is_the_end() {
        for status in [200, 201, 204, 400, 403, 404, 409, 412, 422] {
            assert_eq!(after(status, None), Next::Done(answered(status, None)), "{status}");
        }
    }

    #[test]
    fn waits_as_long_as_told_and_a_little_more() {
        for status in [409, 429, 503] {
            assert_eq!(
                after(status, Some(2)),
                Next::AskAgain(Duration::from_millis(2250)),
                "{status}"
            );
        }
    }

    #[test]
    fn waits_longer_with_each_try_up_to_a_limit() {
        let waits = |tries| match next(Outcome::NoAnswer, tries, 1.0) {
            Next::AskAgain(wait) => wait.as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 2, 4, 50].map(waits), [1_000, 1_500, 2_500, 8_500, 8_500]);
    }

    #[test]
    fn asks_again_when_nobody_knows() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(
                after(status, None),
                Next::AskAgain(Duration::from_millis(750)),
                "{status}"
            );
        }
        for outcome in [Outcome::NoConnection, Outcome::NoAnswer] {
            assert_eq!(next(outcome, 0, 1.0), Next::AskAgain(Duration::from_secs(1)));
        }
    }

    #[test]
    fn a_lost_session_is_renewed() {
        assert_eq!(after(401, None), Next::Renew(answered(401, None)));
    }
}
