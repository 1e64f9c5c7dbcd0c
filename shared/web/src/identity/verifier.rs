//! The verifier of identities.

use super::caller::{AUDIENCE, ISSUER, Identity, Role, TOKEN_TYPE};
use crate::jwt::{KeySet, KeySetError, TokenError, TokenRules};
use serde::Deserialize;
use uuid::Uuid;

/// The public keys that identities are signed with, put as an `Arc` into the request's extensions.
#[derive(Clone)]
pub struct IdentityVerifier {
    keys: KeySet,
    rules: TokenRules,
}

/// The refusal of an identity, or of a key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The request has the header twice.
    #[error("more than one identity")]
    Ambiguous,
    /// The header holds something other than visible ASCII.
    #[error("not readable as a token")]
    Unreadable,
    /// The token does not verify.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The key file holds no set of usable keys.
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// The private key cannot be used.
    #[error("the key cannot be used")]
    UnusableKey(#[source] jsonwebtoken::errors::Error),
    /// The identity could not be signed.
    #[error("the identity could not be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
    /// The service was put together without a verifier.
    #[error("no identity verifier in the request's extensions")]
    NoVerifier,
}

#[derive(Deserialize)]
struct Caller {
    sub: Uuid,
    email: String,
    role: Role,
}

impl IdentityVerifier {
    /// Reads a JWKS document. Every key in it must be an Ed25519 key with a `kid`.
    pub fn from_jwks(document: &[u8]) -> Result<Self, IdentityError> {
        Ok(Self {
            keys: KeySet::strict(document)?,
            rules: TokenRules::new(TOKEN_TYPE, ISSUER, AUDIENCE),
        })
    }

    /// Returns the caller that a token names, if all of it is right.
    pub fn verify(&self, token: &str) -> Result<Identity, IdentityError> {
        let Caller { sub, email, role } = self.rules.verify(token, &self.keys)?.claims;
        Ok(Identity {
            user_id: sub,
            email,
            role,
            token: token.to_owned(),
        })
    }
}
