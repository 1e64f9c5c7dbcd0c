//! The wait loop of the harness: no other place sleeps until a condition holds.

use std::time::Duration;
use tokio::time::{Instant, sleep};

const INTERVAL: Duration = Duration::from_millis(50);

/// Evaluates `condition` every `interval` until it yields a value; `None` once `limit` has passed.
pub async fn poll<T>(limit: Duration, interval: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return Some(value);
        }
        if started.elapsed() > limit {
            return None;
        }
        sleep(interval).await;
    }
}

/// Evaluates `condition` every 50 ms until it holds, and returns the time that took; `None` once `limit` has passed.
pub async fn poll_until(limit: Duration, mut condition: impl AsyncFnMut() -> bool) -> Option<Duration> {
    let started = Instant::now();
    poll(limit, INTERVAL, async || condition().await.then(|| started.elapsed())).await
}
