//! user-service's public keys: fetched, refreshed, and kept when user-service is away.

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde::Serialize;
use shared::{context::Context, http_client::ResilientHttpClient};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// Where user-service publishes them.
const PATH: &str = "/.well-known/jwks.json";
/// How often they are fetched without being asked for.
const REFRESH_INTERVAL: Duration = Duration::from_mins(5);
/// How soon it is tried again while there are none.
const FIRST_INTERVAL: Duration = Duration::from_millis(500);
/// A token with an unknown key may cause a fetch, but not more often than this.
const ON_DEMAND_INTERVAL: Duration = Duration::from_secs(10);
/// What one request waits for a fetch.
const ON_DEMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// More keys than any rotation needs.
const KEYS_MAX: usize = 16;

/// Keys by their `kid`.
pub type KeySet = HashMap<String, DecodingKey>;

/// The last good set of keys.
pub struct AccessKeys {
    clients: Vec<ResilientHttpClient>,
    current: RwLock<Arc<KeySet>>,
    /// When a fetch began last; held while it runs, so that there is one at a time.
    fetched: Mutex<Option<Instant>>,
}

/// There is no key to check a token with, and none could be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the keys that tokens are signed with cannot be fetched")]
pub struct NoKeys;

/// What an operator wants to know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeysStatus {
    /// The names of the keys that are known.
    pub key_ids: Vec<String>,
}

impl AccessKeys {
    /// No keys yet; `clients` are user-service's replicas.
    pub fn new(clients: Vec<ResilientHttpClient>) -> Self {
        Self {
            clients,
            current: RwLock::default(),
            fetched: Mutex::new(None),
        }
    }

    /// The keys as they are now.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys after a fetch, for a token whose key is not among the current ones. An error means that nobody can tell
    /// whether the token is good.
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
        let current = self.current();
        if current.is_empty() { Err(NoKeys) } else { Ok(current) }
    }

    /// Fetches for ever.
    pub async fn refresh(&self) {
        loop {
            *self.fetched.lock().await = Some(Instant::now());
            self.fetch().await;
            let has_keys = !self.current().is_empty();
            tokio::time::sleep(if has_keys { REFRESH_INTERVAL } else { FIRST_INTERVAL }).await;
        }
    }

    /// Where things stand.
    pub fn status(&self) -> KeysStatus {
        KeysStatus {
            key_ids: self.current().keys().cloned().collect(),
        }
    }

    fn on_demand_interval(&self) -> Duration {
        if self.current().is_empty() {
            FIRST_INTERVAL
        } else {
            ON_DEMAND_INTERVAL
        }
    }

    /// Takes the set of the first replica that gives a good one. A bad answer leaves the last good set in place.
    async fn fetch(&self) -> bool {
        let context = Context::new();
        for client in &self.clients {
            let set = match client.get(PATH).context(&context).send().await {
                Ok(answer) if answer.status.is_success() => answer.json::<JwkSet>().ok(),
                _ => None,
            };
            if let Some(keys) = set.as_ref().and_then(usable) {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                return true;
            }
        }
        tracing::warn!(
            known = self.current().len(),
            "the token keys of user-service could not be fetched"
        );
        false
    }
}

/// The Ed25519 keys of a set; `None` if it has none, or more than is sensible.
fn usable(set: &JwkSet) -> Option<KeySet> {
    let keys: KeySet = set.keys.iter().filter_map(named_key).collect();
    (1..=KEYS_MAX).contains(&keys.len()).then_some(keys)
}

fn named_key(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let common = &jwk.common;
    let is_ed25519 =
        matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519);
    let is_for_signatures = common
        .key_algorithm
        .is_none_or(|algorithm| algorithm == KeyAlgorithm::EdDSA)
        && common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    if !(is_ed25519 && is_for_signatures) {
        return None;
    }
    Some((common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
}
