//! The verifier of identities: signature and claims.

use super::caller::{AUDIENCE, Claims, ISSUER, Identity, TOKEN_TYPE};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm},
};
use std::collections::HashMap;

/// Longest token that is parsed; a valid one is far shorter.
const TOKEN_LENGTH_MAX: usize = 4096;
/// Tolerated difference between the clocks of the signer and of this process.
const LEEWAY_S: u64 = 5;

/// The public keys that identities are signed with, put as an `Arc` into the request's extensions.
#[derive(Clone)]
pub struct IdentityVerifier {
    keys: HashMap<String, DecodingKey>,
    rules: Validation,
}

/// The refusal of an identity, or of a set of keys.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The request has the header twice.
    #[error("more than one identity")]
    Ambiguous,
    /// The header holds something other than visible ASCII, or is longer than any valid token.
    #[error("not readable as a token")]
    Unreadable,
    /// Another kind of token.
    #[error("the token is not of type {TOKEN_TYPE}")]
    WrongType,
    /// No key of ours has the token's `kid`.
    #[error("signed with a key that is not known here")]
    UnknownKey,
    /// Made in the future.
    #[error("issued in the future")]
    IssuedInTheFuture,
    /// Signature or claims are wrong.
    #[error("the token does not verify")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// The key file holds no set of keys.
    #[error("not a JSON Web Key Set")]
    NotAKeySet(#[source] serde_json::Error),
    /// The key file holds a key of another kind, or none at all.
    #[error("a key set must hold at least one key and only Ed25519 keys with `kid` and `alg: EdDSA`")]
    WrongKeys,
    /// The key file or key cannot be used.
    #[error("the key cannot be used")]
    UnusableKey(#[source] jsonwebtoken::errors::Error),
    /// The service was put together without a verifier.
    #[error("no identity verifier in the request's extensions")]
    NoVerifier,
}

impl IdentityVerifier {
    /// Reads a JWKS document. Every key in it must be an Ed25519 key with a `kid`.
    pub fn from_jwks(document: &[u8]) -> Result<Self, IdentityError> {
        let set: JwkSet = serde_json::from_slice(document).map_err(IdentityError::NotAKeySet)?;
        let keys = set.keys.iter().map(named_key).collect::<Result<HashMap<_, _>, _>>()?;
        if keys.is_empty() {
            return Err(IdentityError::WrongKeys);
        }
        Ok(Self { keys, rules: rules() })
    }

    /// The caller that a token speaks of, if all of it is right.
    pub fn verify(&self, token: &str) -> Result<Identity, IdentityError> {
        if token.len() > TOKEN_LENGTH_MAX {
            return Err(IdentityError::Unreadable);
        }
        let header = decode_header(token).map_err(IdentityError::Invalid)?;
        if header.typ.as_deref() != Some(TOKEN_TYPE) || header.crit.is_some() {
            return Err(IdentityError::WrongType);
        }
        // Only the key id is taken from the header; key and algorithm are what we have under it.
        let key = header
            .kid
            .and_then(|kid| self.keys.get(&kid))
            .ok_or(IdentityError::UnknownKey)?;
        let claims = decode::<Claims>(token, key, &self.rules)
            .map_err(IdentityError::Invalid)?
            .claims;
        if claims.iat > jsonwebtoken::get_current_timestamp() + LEEWAY_S {
            return Err(IdentityError::IssuedInTheFuture);
        }
        Ok(Identity {
            user_id: claims.sub,
            email: claims.email,
            role: claims.role,
            token: token.to_owned(),
        })
    }
}

/// jsonwebtoken's defaults allow a minute of leeway, ignore `nbf`, and accept a token without `aud` or `iss`.
fn rules() -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.leeway = LEEWAY_S;
    rules.validate_nbf = true;
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    rules
}

fn named_key(jwk: &Jwk) -> Result<(String, DecodingKey), IdentityError> {
    let is_ed25519 = matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519)
        && jwk.common.key_algorithm == Some(KeyAlgorithm::EdDSA);
    match &jwk.common.key_id {
        Some(kid) if is_ed25519 => Ok((
            kid.clone(),
            DecodingKey::from_jwk(jwk).map_err(IdentityError::UnusableKey)?,
        )),
        _ => Err(IdentityError::WrongKeys),
    }
}
