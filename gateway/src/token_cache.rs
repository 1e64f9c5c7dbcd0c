//! The cache of verified tokens: a signature is verified once, everything that can change is checked with each request.
//!
//! An entry says only that the signature was right under a key of one key set. It counts while that set is the current one, so
//! a refreshed set, which may lack the key, has each token verified anew; the times of the token are compared with the clock
//! each time. Whether its session lives is not cached here at all. See `docs/adr/0021-a-signature-is-verified-once.md`.

use crate::{
    error::Error,
    identity::IdentityHeaders,
    keys::AccessKeys,
    token::{Claims, TokenFault, verify},
};
use moka::future::Cache;
use std::{sync::Arc, time::Duration};
use web::{
    identity::{IdentityError, IdentitySigner, Role},
    jwt::{KeySet, Verified},
};

/// Most bytes of all entries. Only tokens that user-service has signed become entries.
const BYTES_MAX: u64 = 16 << 20;
/// Bytes of an entry beside its token: claims and identity, each about as long as the token.
const OVERHEAD: u32 = 1024;
/// Longest stay of an entry. By then the keys have been refreshed, after which it counts no more.
const KEPT_FOR: Duration = Duration::from_mins(5);

/// The tokens that were verified of late.
pub struct TokenCache {
    entries: Cache<String, Arc<VerifiedToken>>,
}

/// A token whose signature was verified.
pub struct VerifiedToken {
    token: Verified<Claims>,
    keys: Arc<KeySet>,
    identity: IdentityHeaders,
}

impl TokenCache {
    /// Creates an empty cache.
    pub fn new() -> Self {
        Self::with_bytes_max(BYTES_MAX)
    }

    fn with_bytes_max(bytes_max: u64) -> Self {
        let weight = |token: &String, _: &Arc<VerifiedToken>| {
            let bytes = u32::try_from(2 * token.len()).unwrap_or(u32::MAX);
            bytes.saturating_add(OVERHEAD)
        };
        let entries = Cache::builder()
            .weigher(weight)
            .max_capacity(bytes_max)
            .time_to_live(KEPT_FOR);
        Self {
            entries: entries.build(),
        }
    }

    /// Returns the token if it is valid now.
    pub async fn verified(&self, token: &str, keys: &AccessKeys) -> Result<Arc<VerifiedToken>, Error> {
        let current = keys.current();
        if let Some(known) = self.entries.get(token).await
            && Arc::ptr_eq(&known.keys, &current)
        {
            known.token.check_times().map_err(TokenFault::from)?;
            return Ok(known);
        }
        let (verified, keys) = match verify(token, &current) {
            // The key may be new.
            Err(TokenFault::UnknownKey) => {
                let fetched = keys.after_fetch().await?;
                (verify(token, &fetched)?, fetched)
            }
            verified => (verified?, current),
        };
        Ok(self.insert(token, verified, keys).await)
    }

    async fn insert(&self, text: &str, token: Verified<Claims>, keys: Arc<KeySet>) -> Arc<VerifiedToken> {
        let known = Arc::new(VerifiedToken {
            token,
            keys,
            identity: IdentityHeaders::default(),
        });
        self.entries.insert(text.to_owned(), Arc::clone(&known)).await;
        known
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new()
    }
}

impl VerifiedToken {
    /// Returns the claims.
    pub fn claims(&self) -> &Claims {
        &self.token.claims
    }

    /// Writes the identity of the caller in this role into `headers`.
    pub fn identify(
        &self,
        role: Role,
        signer: &IdentitySigner,
        headers: &mut http::HeaderMap,
    ) -> Result<(), IdentityError> {
        let claims = self.claims();
        self.identity.put(claims.sub, &claims.email, role, signer, headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{
        Algorithm, EncodingKey, Header, encode,
        jwk::{Jwk, JwkSet},
    };
    use serde_json::json;

    const KEY: &[u8] = include_bytes!("../tests/it/keys/user-service.pem");

    fn key() -> EncodingKey {
        EncodingKey::from_ed_pem(KEY).unwrap()
    }

    fn keys() -> Arc<KeySet> {
        let mut key = Jwk::from_encoding_key(&key(), Algorithm::EdDSA).unwrap();
        key.common.key_id = Some("k".to_owned());
        let set = serde_json::to_vec(&JwkSet { keys: vec![key] }).unwrap();
        Arc::new(KeySet::lenient(&set).unwrap())
    }

    fn token() -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some("k".to_owned()));
        let now_s = kernel::clock::now().timestamp();
        let claims = json!({
            "iss": "user-service", "aud": "platform", "sub": kernel::id::new(), "email": "a@b.example", "role": "customer",
            "sid": kernel::id::new(), "iat": now_s, "nbf": now_s, "exp": now_s + 900,
        });
        encode(&header, &claims, &key()).unwrap()
    }

    #[tokio::test]
    async fn the_memory_of_the_cache_has_a_limit() {
        let (cache, keys) = (TokenCache::with_bytes_max(20_000), keys());
        for _ in 0..100 {
            let token = token();
            let verified = verify(&token, &keys).unwrap();
            cache.insert(&token, verified, Arc::clone(&keys)).await;
        }
        cache.entries.run_pending_tasks().await;
        assert!(cache.entries.weighted_size() <= 20_000);
        assert!((1..20).contains(&cache.entries.entry_count()));
    }
}
