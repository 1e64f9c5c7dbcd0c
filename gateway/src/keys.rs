//! user-service's public keys: fetched, refreshed, and kept while user-service is unavailable.

use http_client::ResilientHttpClient;
use kernel::context::Context;
use serde::Serialize;
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};
use web::jwt::KeySet;

/// Path of user-service's key set.
const PATH: &str = "/.well-known/jwks.json";
/// Interval of the refresh.
const REFRESH_INTERVAL: Duration = Duration::from_mins(5);
/// Interval of the refresh while there are no keys.
const FIRST_INTERVAL: Duration = Duration::from_millis(500);
/// Shortest interval between fetches that a token with an unknown key may cause.
const ON_DEMAND_INTERVAL: Duration = Duration::from_secs(10);
/// Longest wait of a request for a fetch.
const ON_DEMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// Most keys of a set; a rotation needs fewer.
const KEYS_MAX: usize = 16;

/// The last good set of keys.
pub struct AccessKeys {
    clients: Vec<ResilientHttpClient>,
    current: RwLock<Arc<KeySet>>,
    /// Time of the last fetch; locked while one runs, so that there is one at a time.
    fetched: Mutex<Option<Instant>>,
}

/// No key is known, and none could be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the keys that tokens are signed with cannot be fetched")]
pub struct NoKeys;

/// The state of the keys, for operators.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeysStatus {
    /// `kid` of each known key.
    pub key_ids: Vec<String>,
}

impl AccessKeys {
    /// Starts without keys; `clients` are user-service's replicas.
    pub fn new(clients: Vec<ResilientHttpClient>) -> Self {
        Self {
            clients,
            current: RwLock::default(),
            fetched: Mutex::new(None),
        }
    }

    /// Returns the current keys.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Fetches the keys, for a token whose key is not among the current ones. An error means that the token cannot be checked.
    pub async fn after_fetch(&self) -> Result<Arc<KeySet>, NoKeys> {
        let Ok(mut fetched) = tokio::time::timeout(ON_DEMAND_TIMEOUT, self.fetched.lock()).await else {
            return Err(NoKeys);
        };
        let is_due = fetched.is_none_or(|at| at.elapsed() >= self.on_demand_interval());
        if is_due {
            *fetched = Some(Instant::now());
            let fetch = tokio::time::timeout(ON_DEMAND_TIMEOUT, self.fetch()).await;
            if !fetch.unwrap_or(false) {
                return Err(NoKeys);
            }
        }
        if self.has_keys() {
            Ok(self.current())
        } else {
            Err(NoKeys)
        }
    }

    /// Refreshes the keys; never returns.
    pub async fn refresh(&self) {
        loop {
            *self.fetched.lock().await = Some(Instant::now());
            self.fetch().await;
            let has_keys = self.has_keys();
            tokio::time::sleep(if has_keys { REFRESH_INTERVAL } else { FIRST_INTERVAL }).await;
        }
    }

    /// Returns the state of the keys.
    pub fn status(&self) -> KeysStatus {
        KeysStatus {
            key_ids: self.current().key_ids().map(str::to_owned).collect(),
        }
    }

    /// Returns true if tokens can be checked.
    pub fn has_keys(&self) -> bool {
        self.current().key_ids().len() > 0
    }

    fn on_demand_interval(&self) -> Duration {
        if self.has_keys() {
            ON_DEMAND_INTERVAL
        } else {
            FIRST_INTERVAL
        }
    }

    /// Takes the first usable set of a replica. Without one, the last good set stays.
    async fn fetch(&self) -> bool {
        let context = Context::new();
        for client in &self.clients {
            let set = match client.get(PATH).context(&context).send().await {
                Ok(answer) if answer.status.is_success() => usable(&answer.body),
                _ => None,
            };
            if let Some(keys) = set {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                return true;
            }
        }
        tracing::warn!(
            dependency = "user-service",
            keys.known = self.current().key_ids().len(),
            "Token keys could not be fetched"
        );
        false
    }
}

/// Returns the usable keys of a set; `None` if it has none, or too many.
fn usable(document: &[u8]) -> Option<KeySet> {
    let keys = KeySet::lenient(document).ok()?;
    let count = keys.key_ids().len();
    (count <= KEYS_MAX).then_some(keys)
}
