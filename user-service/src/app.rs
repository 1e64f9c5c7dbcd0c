//! The state that endpoints and jobs work with.

use crate::{password_hasher::PasswordHasher, session_cache::SessionCache, tokens::SigningKey};
use database::Database;

/// Database, session cache, password hasher and signing key. Cheap to clone; clones share all of them.
#[derive(Clone)]
pub struct App {
    pub database: Database,
    pub session_cache: SessionCache,
    pub passwords: PasswordHasher,
    pub signing_key: SigningKey,
    /// Lifetime of an access token.
    pub access_token_ttl_s: u32,
    /// Lifetime of a session after its last refresh.
    pub refresh_token_ttl_s: u32,
}
