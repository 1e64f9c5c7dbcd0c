//! Tokens: access tokens, which the public key verifies, and refresh tokens, which only this service can verify.

use crate::domain::{Role, SessionId, User, UserId};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    errors::Error as SigningError,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const ISSUER: &str = "user-service";
const AUDIENCE: &str = "platform";
/// The `typ` of RFC 9068: a token of another kind, signed with the same key, must not pass for an access token.
const TOKEN_TYPE: &str = "at+jwt";

/// The private key that signs access tokens, and its public half as a JWKS document.
#[derive(Clone)]
pub struct SigningKey {
    private: EncodingKey,
    key_id: String,
    public: JwkSet,
}

/// The claims of an access token.
#[derive(Debug, Serialize)]
struct AccessClaims<'a> {
    iss: &'static str,
    aud: &'static str,
    sub: UserId,
    email: &'a str,
    role: Role,
    sid: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: Uuid,
}

/// The period in which an access token is valid.
#[derive(Debug, Clone, Copy)]
pub struct Validity {
    /// Its start, in seconds since 1970.
    pub from_s: i64,
    pub ttl_s: u32,
}

impl SigningKey {
    /// Reads an Ed25519 private key: PKCS#8 in PEM form, as `openssl genpkey -algorithm ed25519` writes it. Its key id is its
    /// RFC 7638 thumbprint, so that a new key has a new id without configuration.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SigningError> {
        let private = EncodingKey::from_ed_pem(pem)?;
        let mut jwk = Jwk::from_encoding_key(&private, Algorithm::EdDSA)?;
        let key_id = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(key_id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            private,
            key_id,
            public: JwkSet { keys: vec![jwk] },
        })
    }

    /// Returns the public keys that verify access tokens.
    pub fn public(&self) -> &JwkSet {
        &self.public
    }

    /// Signs an access token for a user's session.
    pub fn sign(&self, user: &User, session_id: SessionId, validity: Validity) -> Result<String, SigningError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        header.typ = Some(TOKEN_TYPE.to_owned());
        let claims = AccessClaims {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: user.id,
            email: &user.email,
            role: user.role,
            sid: session_id,
            iat: validity.from_s,
            nbf: validity.from_s,
            exp: validity.from_s + i64::from(validity.ttl_s),
            jti: kernel::id::new(),
        };
        jsonwebtoken::encode(&header, &claims, &self.private)
    }
}

/// A refresh token: 256 random bits. It has no `Debug`, since it is all that is needed to use the session.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// Generates a token from the operating system's random source.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(secret)))
    }

    /// Returns the hash to store. A plain SHA-256 suffices: unlike a password, 256 random bits cannot be guessed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn refresh_tokens_and_their_hashes_are_unique() {
        let tokens: Vec<RefreshToken> = (0..100).map(|_| RefreshToken::generate().unwrap()).collect();
        let texts: HashSet<&str> = tokens.iter().map(|token| token.0.as_str()).collect();
        let hashes: HashSet<[u8; 32]> = tokens.iter().map(RefreshToken::hash).collect();
        assert_eq!((texts.len(), hashes.len()), (100, 100));
        assert!(texts.iter().all(|text| text.len() == 43));
    }

    #[test]
    fn an_unreadable_signing_key_is_refused() {
        assert!(SigningKey::from_pem(b"").is_err());
        assert!(SigningKey::from_pem(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").is_err());
    }
}
