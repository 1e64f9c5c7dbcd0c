//! The signer of identities: the gateway's half, also used by tests.

use super::{
    caller::{AUDIENCE, Claims, ISSUER, Role, TOKEN_TYPE},
    verifier::IdentityError,
};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use uuid::Uuid;

/// Lifetime of an identity: long enough for one request with its retries, also when the gateway sends it again after half of it;
/// short enough to limit the use of a leaked one.
const LIFETIME_S: u64 = 60;

/// The private key that identities are signed with.
pub struct IdentitySigner {
    key: EncodingKey,
    key_id: String,
    public_keys: JwkSet,
}

impl IdentitySigner {
    /// Reads an Ed25519 private key (PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it).
    pub fn from_pem(pem: &[u8]) -> Result<Self, IdentityError> {
        let key = EncodingKey::from_ed_pem(pem).map_err(IdentityError::UnusableKey)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(IdentityError::UnusableKey)?;
        let key_id = public
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(IdentityError::UnusableKey)?;
        public.common.key_id = Some(key_id.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            key,
            key_id,
            public_keys: JwkSet { keys: vec![public] },
        })
    }

    /// Signs a token for requests of this caller.
    pub fn sign(&self, user_id: Uuid, email: &str, role: Role) -> Result<String, IdentityError> {
        let now_s = jsonwebtoken::get_current_timestamp();
        self.sign_claims(&Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user_id,
            email: email.to_owned(),
            role,
            iat: now_s,
            nbf: now_s,
            exp: now_s + LIFETIME_S,
        })
    }

    /// Returns the public key as a JWKS document, for the verifiers.
    pub fn jwks(&self) -> String {
        serde_json::to_string(&self.public_keys).expect("a key set has a JSON form")
    }

    pub(super) fn sign_claims(&self, claims: &Claims) -> Result<String, IdentityError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.key_id.clone());
        header.typ = Some(TOKEN_TYPE.to_owned());
        encode(&header, claims, &self.key).map_err(IdentityError::Signing)
    }
}
