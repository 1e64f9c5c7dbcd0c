//! Waits out what is nobody's fault: while a dependency is away, the delivery stays in hand and no attempt is counted.

use super::{failure::Failure, health::ConsumerHealth, subscription::Received};
use futures_util::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

const PROBE_MIN: Duration = Duration::from_millis(250);
const PROBE_MAX: Duration = Duration::from_secs(5);
/// Conflicts with other transactions in a row before it counts as an attempt.
const CONFLICTS_MAX: u32 = 10;

/// Does `work` until it succeeds or fails for a reason of its own. The consumer counts as paused meanwhile, and since
/// the prefetch bounds what is in hand, it takes nothing more. `None` when the broker has taken the delivery back.
///
/// A panic is a failure of this delivery alone: transient, so that it is tried again and then dead-lettered.
pub(crate) async fn until_definite<T, F>(
    received: &Received,
    health: &Arc<ConsumerHealth>,
    mut work: impl FnMut() -> F,
) -> Option<Result<T, Failure>>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut wait = PROBE_MIN;
    let mut conflicts = 0;
    let mut pause = None;
    loop {
        let outcome = AssertUnwindSafe(work()).catch_unwind().await;
        let failure = match outcome {
            Ok(Ok(done)) => return Some(Ok(done)),
            Ok(Err(failure)) => failure,
            Err(panic) => {
                return Some(Err(Failure::transient(format!(
                    "the handler panicked: {}",
                    message(&*panic)
                ))));
            }
        };
        if !received.is_ours() {
            return None;
        }
        match failure {
            Failure::Infrastructure(error) => {
                if pause.is_none() {
                    let error = crate::telemetry::chain(&*error);
                    tracing::warn!(%error, "a dependency is away: the consumer pauses");
                    pause = Some(health.pause(&error));
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(PROBE_MAX);
            }
            Failure::Conflict(_) if conflicts < CONFLICTS_MAX => {
                conflicts += 1;
                tokio::time::sleep(Duration::from_millis(u64::from(5 * conflicts))).await;
            }
            failure => return Some(Err(failure)),
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
