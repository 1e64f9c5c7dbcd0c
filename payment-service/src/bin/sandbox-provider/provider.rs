//! The provider's state, shared by all requests.

use crate::ledger::{Ledger, LedgerError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How often `pm_flaky` answers 503 for a key before it works.
const STUMBLES: u32 = 2;

/// Ledger and settings.
#[derive(Debug)]
pub(crate) struct Provider {
    ledger: Mutex<Ledger>,
    /// How often each `pm_flaky` key has been refused. In memory only: a restart begins anew.
    stumbled: Mutex<HashMap<String, u32>>,
    /// How long `pm_slow` takes.
    pub(crate) slow: Duration,
    /// How long `pm_stall` takes.
    pub(crate) stall: Duration,
}

impl Provider {
    /// A provider that goes on where the ledger ends.
    pub(crate) fn new(ledger: Ledger, slow: Duration, stall: Duration) -> Self {
        Self {
            ledger: Mutex::new(ledger),
            stumbled: Mutex::default(),
            slow,
            stall,
        }
    }

    /// Works on the ledger away from the async threads, since each line waits for the disk. A client that hangs up
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

    /// Whether this try for a `pm_flaky` key is one of those that fail.
    pub(crate) fn stumbles(&self, key: &str) -> bool {
        let mut stumbled = self.stumbled.lock().unwrap_or_else(PoisonError::into_inner);
        let times = stumbled.entry(key.to_owned()).or_default();
        *times += 1;
        *times <= STUMBLES
    }
}
