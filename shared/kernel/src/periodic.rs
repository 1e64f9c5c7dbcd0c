//! Periodic tasks: the one loop of "run, then sleep or stop".

use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Calls `run` at once and then each time `interval` has passed since it ended, until `stop` is cancelled.
///
/// `stop` does not interrupt a run: a run that takes long should watch it itself.
pub async fn periodic<F: Future<Output = ()>>(
    interval: Duration,
    stop: &CancellationToken,
    mut run: impl FnMut() -> F,
) {
    while !stop.is_cancelled() {
        run().await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(interval) => {}
        }
    }
}
