//! Holding a delivery while a dependency is unavailable: the consumer pauses, and no attempt is counted.
//!
//! What is held too long because the database cannot be reached from here is given back by [`crate::subscription`].

use crate::{delivery::Delivery, failure::Failure, health::ConsumerHealth};
use futures_util::FutureExt;
use kernel::chain;
use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Duration};

const PROBE_MIN: Duration = Duration::from_millis(250);
const PROBE_MAX: Duration = Duration::from_secs(5);
/// Conflicts with other transactions in a row before they count as an attempt.
const CONFLICTS_MAX: u32 = 10;

/// Repeats `work` until it succeeds, or fails for a reason other than an unavailable dependency.
///
/// The consumer counts as paused meanwhile; the prefetch bounds what it holds. Returns `None` when the subscription has ended,
/// since the broker then delivers the message again. A panic is a transient failure of this delivery alone, so that it is
/// retried and then dead-lettered.
pub(crate) async fn retry_while_unavailable<T, F>(
    delivery: &Delivery,
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
        let failure = match AssertUnwindSafe(work()).catch_unwind().await {
            Ok(Ok(done)) => return Some(Ok(done)),
            Ok(Err(failure)) => failure,
            Err(panic) => {
                let reason = format!("the handler panicked: {}", message(&*panic));
                return Some(Err(Failure::transient(reason)));
            }
        };
        if !delivery.is_ours() {
            return None;
        }
        match failure {
            Failure::Infrastructure(error) => {
                let error = chain(&*error);
                if pause.is_none() {
                    let queue = health.queue();
                    tracing::warn!(
                        code = "consumer.paused",
                        queue,
                        error,
                        "Consumer paused: dependency unavailable"
                    );
                    pause = Some(health.pause(&error));
                } else {
                    // The first error may be only how the connection ended, and the next one why there is no other.
                    health.failed(&error);
                }
                tokio::select! {
                    () = delivery.subscription_ended() => return None,
                    () = tokio::time::sleep(wait) => {}
                }
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
