//! Supervised background tasks: one that ends or panics is logged, counted and started again.

use kernel::chain;
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

const RESTART_DELAY: Duration = Duration::from_secs(1);

type Start = Arc<dyn Fn(CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A set of background tasks with one stop.
#[derive(Default)]
pub(crate) struct Tasks {
    list: Vec<(String, Start)>,
}

impl Tasks {
    pub(crate) fn add<F>(
        &mut self,
        name: impl Into<String>,
        start: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.list
            .push((name.into(), Arc::new(move |stop| Box::pin(start(stop)))));
    }

    /// Starts all tasks. They end when `stop` is cancelled.
    pub(crate) fn start(self, stop: &CancellationToken) -> Running {
        let mut running = JoinSet::new();
        for (name, start) in self.list {
            running.spawn(supervise(name, start, stop.clone()));
        }
        Running { running }
    }
}

/// A set of tasks that are running.
pub(crate) struct Running {
    running: JoinSet<()>,
}

impl Running {
    /// Waits until all have ended, at most `limit`; then aborts the rest.
    pub(crate) async fn ended(mut self, limit: Duration) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if timeout(limit, all).await.is_err() {
            tracing::warn!(
                tasks = self.running.len(),
                "Background tasks did not end in time and are aborted"
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the supervisor of background tasks")]
async fn supervise(name: String, start: Start, stop: CancellationToken) {
    loop {
        let outcome = AbortOnDropHandle::new(tokio::spawn(start(stop.clone()))).await;
        if stop.is_cancelled() {
            return;
        }
        match outcome {
            Ok(()) => tracing::error!(task = name, "Background task ended and is started again"),
            Err(error) => {
                tracing::error!(
                    task = name,
                    error = chain(&error),
                    "Background task panicked and is started again"
                );
            }
        }
        metrics::counter!("task_restarts_total", "task" => name.clone()).increment(1);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RESTART_DELAY) => {}
        }
    }
}
