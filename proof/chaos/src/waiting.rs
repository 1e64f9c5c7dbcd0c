//! Waiting for a condition.

use std::time::Duration;
use tokio::time::{Instant, sleep};

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long it took until the condition was true; `None` if the limit came first.
pub(crate) async fn until<F: Future<Output = bool>>(
    limit: Duration,
    mut condition: impl FnMut() -> F,
) -> Option<Duration> {
    let started = Instant::now();
    while !condition().await {
        if started.elapsed() > limit {
            return None;
        }
        sleep(POLL_INTERVAL).await;
    }
    Some(started.elapsed())
}
