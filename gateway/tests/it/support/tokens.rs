//! Tokens, good and bad.

use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, ThumbprintHash},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A user, their session and their token.
pub(crate) struct TestUser {
    pub(crate) id: Uuid,
    pub(crate) session_id: String,
    pub(crate) role: String,
    pub(crate) token: String,
}

impl TestUser {
    /// A user whose session is nowhere yet.
    pub(crate) fn new(role: &str) -> Self {
        let (id, session_id) = (shared::id::new(), shared::id::new().to_string());
        let mut user = Self {
            id,
            session_id,
            role: role.to_owned(),
            token: String::new(),
        };
        user.token = sign(&claims(&user));
        user
    }
}

/// The claims of a good token.
pub(crate) fn claims(user: &TestUser) -> Value {
    let now_s = now_s();
    json!({
        "iss": "user-service", "aud": "platform", "sub": user.id, "email": "someone@example.com", "role": user.role,
        "sid": user.session_id, "iat": now_s, "nbf": now_s, "exp": now_s + 900, "jti": shared::id::new(),
    })
}

pub(crate) fn now_s() -> i64 {
    shared::clock::now().timestamp()
}

pub(crate) fn user_service_key() -> EncodingKey {
    EncodingKey::from_ed_pem(include_bytes!("../keys/user-service.pem")).unwrap()
}

pub(crate) fn stranger_key() -> EncodingKey {
    EncodingKey::from_ed_pem(include_bytes!("../keys/stranger.pem")).unwrap()
}

/// A token as user-service would sign it.
pub(crate) fn sign(claims: &Value) -> String {
    sign_as(claims, &user_service_key(), |_| {})
}

/// A token with another key or another header.
pub(crate) fn sign_as(claims: &Value, key: &EncodingKey, change: impl FnOnce(&mut Header)) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    header.kid = key_id(key).or_else(|| key_id(&user_service_key()));
    change(&mut header);
    encode(&header, claims, key).unwrap()
}

/// The JWKS of these keys, as user-service would publish it.
pub(crate) fn jwks_of(keys: &[EncodingKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| public(key).unwrap()).collect();
    json!({ "keys": keys })
}

pub(crate) fn jwks() -> Value {
    jwks_of(&[user_service_key()])
}

fn public(key: &EncodingKey) -> Option<Jwk> {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::EdDSA).ok()?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256).ok()?);
    Some(jwk)
}

fn key_id(key: &EncodingKey) -> Option<String> {
    public(key)?.common.key_id
}
