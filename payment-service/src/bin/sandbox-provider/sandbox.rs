//! The state of the sandbox, shared by all requests.

use crate::ledger::{Ledger, LedgerError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Number of 503 answers to a `pm_flaky` key before it is captured.
const FLAKY_FAILURES: u32 = 2;

/// Ledger, delays, and the attempts of flaky keys.
#[derive(Debug)]
pub(crate) struct Sandbox {
    ledger: Mutex<Ledger>,
    /// Attempts of each `pm_flaky` key. In memory only: a restart counts anew.
    flaky_attempts: Mutex<HashMap<String, u32>>,
    /// Delay of the answer to `pm_slow`.
    pub(crate) slow: Duration,
    /// Delay of the answer to `pm_stall`.
    pub(crate) stall: Duration,
}

impl Sandbox {
    pub(crate) fn new(ledger: Ledger, slow: Duration, stall: Duration) -> Self {
        Self {
            ledger: Mutex::new(ledger),
            flaky_attempts: Mutex::default(),
            slow,
            stall,
        }
    }

    /// Runs `work` on the ledger on a blocking thread, since each line is synced to disk. A client that disconnects
    /// meanwhile does not interrupt it.
    pub(crate) async fn with_ledger<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&mut Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let worked = tokio::task::spawn_blocking(move || {
            // The ledger marks itself as broken around each write, so a poisoned lock says nothing new.
            work(&mut self.ledger.lock().unwrap_or_else(PoisonError::into_inner))
        });
        worked.await.unwrap_or(Err(LedgerError::Broken))
    }

    /// Counts an attempt of a `pm_flaky` key; returns true if it is one of those that fail.
    pub(crate) fn fails_flaky(&self, key: &str) -> bool {
        let mut attempts = self.flaky_attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempts = attempts.entry(key.to_owned()).or_default();
        *attempts += 1;
        *attempts <= FLAKY_FAILURES
    }
}
