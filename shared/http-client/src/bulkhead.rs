//! The bulkhead: a limit on concurrent attempts, so that one slow upstream does not exhaust the whole process.

use crate::{config::ClientConfig, error::CallError, status::BulkheadStatus};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

#[derive(Debug)]
pub(super) struct Bulkhead {
    name: Arc<str>,
    permits: Semaphore,
    limit: usize,
    wait: Duration,
    waiting: AtomicU64,
    rejected: AtomicU64,
}

/// A guard that counts a caller as waiting, also until the caller is dropped.
struct Waiting<'a>(&'a AtomicU64);

impl Bulkhead {
    pub(super) fn new(config: &ClientConfig) -> Self {
        Self {
            name: Arc::clone(&config.name),
            permits: Semaphore::new(config.concurrency_max),
            limit: config.concurrency_max,
            wait: config.concurrency_wait,
            waiting: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    /// Waits for a permit, at most `concurrency_wait`.
    pub(super) async fn acquire(&self) -> Result<SemaphorePermit<'_>, CallError> {
        // A permit that is given back goes to those who wait, so this overtakes none of them.
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let waiting = Waiting::new(&self.waiting);
        let permit = timeout(self.wait, self.permits.acquire()).await;
        drop(waiting);
        if let Ok(Ok(permit)) = permit {
            return Ok(permit);
        }
        self.rejected.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("http_client_bulkhead_rejected_total", "target" => self.name.to_string()).increment(1);
        Err(CallError::Bulkhead {
            target: Arc::clone(&self.name),
        })
    }

    pub(super) fn status(&self) -> BulkheadStatus {
        BulkheadStatus {
            limit: self.limit,
            in_use: self.limit - self.permits.available_permits().min(self.limit),
            waiting: self.waiting.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
        }
    }
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
