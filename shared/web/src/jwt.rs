//! Verification of JSON Web Tokens (RFC 7519), the same for access tokens and for identities.
//!
//! jsonwebtoken checks signatures; the rules here are those that its defaults leave out: the token's type, the algorithm,
//! whole seconds, `nbf` and `iat`, one issuer and one audience, all of them required.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::{Error, ErrorKind},
    get_current_timestamp,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::HashMap;

/// Longest token that is parsed, in bytes; a valid one is far shorter.
pub const TOKEN_LENGTH_MAX: usize = 4096;
/// Tolerated difference between the clocks of the signer and of this process.
const LEEWAY_S: u64 = 5;

/// Ed25519 public keys by `kid`.
#[derive(Clone, Default)]
pub struct KeySet(HashMap<String, DecodingKey>);

/// The refusal of a document as a set of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// The document is no JWKS (RFC 7517 §5).
    #[error("not a JSON Web Key Set")]
    Format(#[source] serde_json::Error),
    /// A key is of another kind, or there is none.
    #[error("a key set must hold at least one key, and only Ed25519 keys for signatures, each with a `kid`")]
    Keys,
}

/// The refusal of a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, or longer than [`TOKEN_LENGTH_MAX`].
    #[error("not readable as a token")]
    Unreadable,
    /// Another type or algorithm, no `kid`, or an extension that must be understood (`crit`).
    #[error("another kind of token")]
    WrongType,
    /// The set has no key with the token's `kid`.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// The token was valid once.
    #[error("the token has expired")]
    Expired,
    /// `iat` lies in the future.
    #[error("issued in the future")]
    IssuedInTheFuture,
    /// The signature or a claim is wrong.
    #[error("the token does not verify")]
    Invalid(#[source] Error),
}

/// A token whose signature and claims were right when it was verified. Whether it still is, its times and its key tell.
#[derive(Debug, Clone)]
pub struct Verified<C> {
    /// Claims beside those of every token.
    pub claims: C,
    issued_at_s: u64,
    not_before_s: u64,
    expires_at_s: u64,
}

/// The rules for one kind of token.
#[derive(Debug, Clone)]
pub struct TokenRules {
    token_type: &'static str,
    validation: Validation,
}

impl KeySet {
    /// Reads a JWKS document that holds nothing but usable keys, each with `alg`.
    pub fn strict(document: &[u8]) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_slice(document).map_err(KeySetError::Format)?;
        let with_algorithm = |jwk: &Jwk| named_key(jwk).filter(|_| jwk.common.key_algorithm.is_some());
        let keys: Option<HashMap<_, _>> = set.keys.iter().map(with_algorithm).collect();
        keys.filter(|keys| !keys.is_empty()).map(Self).ok_or(KeySetError::Keys)
    }

    /// Reads a JWKS document and leaves out the keys of other kinds.
    pub fn lenient(document: &[u8]) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_slice(document).map_err(KeySetError::Format)?;
        let keys: HashMap<_, _> = set.keys.iter().filter_map(named_key).collect();
        Some(keys)
            .filter(|keys| !keys.is_empty())
            .map(Self)
            .ok_or(KeySetError::Keys)
    }

    /// Returns the `kid` of each key.
    pub fn key_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl TokenRules {
    /// Accepts tokens with this `typ`, `iss` and `aud`.
    pub fn new(token_type: &'static str, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        Self { token_type, validation }
    }

    /// Verifies a token. Only the key id is taken from the header: key and algorithm are those known under it, and `jku`, `x5u`
    /// and `jwk` are ignored.
    pub fn verify<C: DeserializeOwned>(&self, token: &str, keys: &KeySet) -> Result<Verified<C>, TokenError> {
        if token.len() > TOKEN_LENGTH_MAX {
            return Err(TokenError::Unreadable);
        }
        let header = decode_header(token).map_err(|_| TokenError::Unreadable)?;
        if header.typ.as_deref() != Some(self.token_type) || header.crit.is_some() || header.alg != Algorithm::EdDSA {
            return Err(TokenError::WrongType);
        }
        let key_id = header.kid.ok_or(TokenError::WrongType)?;
        let key = keys.0.get(&key_id).ok_or(TokenError::UnknownKey)?;
        let claims = decode::<Claims<C>>(token, key, &self.validation)
            .map_err(refusal)?
            .claims;
        let verified = Verified {
            issued_at_s: claims.iat,
            not_before_s: claims.nbf,
            expires_at_s: claims.exp,
            claims: claims.own,
        };
        verified.check_times()?;
        Ok(verified)
    }
}

impl<C> Verified<C> {
    /// Fails if the token is not valid at this moment, as [`TokenRules::verify`] would.
    pub fn check_times(&self) -> Result<(), TokenError> {
        let now_s = get_current_timestamp();
        if self.expires_at_s.saturating_add(LEEWAY_S) < now_s {
            Err(TokenError::Expired)
        } else if self.not_before_s > now_s + LEEWAY_S {
            Err(TokenError::Invalid(ErrorKind::ImmatureSignature.into()))
        } else if self.issued_at_s > now_s + LEEWAY_S {
            Err(TokenError::IssuedInTheFuture)
        } else {
            Ok(())
        }
    }
}

/// The claims of every token. Types refuse what jsonwebtoken would accept: fractions of seconds, and lists that contain the
/// issuer or the audience.
#[derive(Deserialize)]
struct Claims<C> {
    iat: u64,
    exp: u64,
    nbf: u64,
    #[serde(rename = "iss")]
    _iss: String,
    #[serde(rename = "aud")]
    _aud: String,
    #[serde(flatten)]
    own: C,
}

fn refusal(error: Error) -> TokenError {
    match error.kind() {
        ErrorKind::ExpiredSignature => TokenError::Expired,
        _ => TokenError::Invalid(error),
    }
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
