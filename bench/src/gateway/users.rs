//! Customers with a session in Redis and an access token, as user-service would give them.

use crate::report::Outcome;
use deadpool_redis::redis::{AsyncCommands, Client};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet, ThumbprintHash},
};
use serde_json::json;

const KEY: &[u8] = include_bytes!("../../../gateway/tests/it/keys/user-service.pem");
/// Lifetime of tokens and sessions.
const LIFETIME_S: u32 = 3600;

/// Returns the public keys that the gateway fetches from user-service.
pub(crate) fn key_set() -> Outcome<String> {
    Ok(serde_json::to_string(&JwkSet {
        keys: vec![public_key()?],
    })?)
}

/// Logs customers in, and returns an authenticated GET of each.
pub(crate) async fn requests(customers: u32) -> Outcome<Vec<String>> {
    let redis = Client::open(testkit::variable("TEST_REDIS_URL"))?;
    let mut redis = redis.get_multiplexed_async_connection().await?;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    header.kid = public_key()?.common.key_id;
    let mut requests = Vec::new();
    for _ in 0..customers {
        let (user_id, session_id, now_s) = (kernel::id::new(), kernel::id::new(), kernel::clock::now().timestamp());
        let email = "someone@example.com";
        let session = json!({ "userId": user_id, "role": "customer", "email": email }).to_string();
        let () = redis
            .set_ex(format!("session:{session_id}"), session, LIFETIME_S.into())
            .await?;
        let claims = json!({
            "iss": "user-service", "aud": "platform", "sub": user_id, "email": email, "role": "customer",
            "sid": session_id, "iat": now_s, "nbf": now_s, "exp": now_s + i64::from(LIFETIME_S), "jti": kernel::id::new(),
        });
        let token = encode(&header, &claims, &EncodingKey::from_ed_pem(KEY)?)?;
        requests.push(format!(
            "GET /api/orders/{} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: application/json\r\n\
             Authorization: Bearer {token}\r\n\r\n",
            kernel::id::new()
        ));
    }
    Ok(requests)
}

fn public_key() -> Outcome<Jwk> {
    let mut key = Jwk::from_encoding_key(&EncodingKey::from_ed_pem(KEY)?, Algorithm::EdDSA)?;
    key.common.key_id = Some(key.thumbprint(ThumbprintHash::SHA256)?);
    Ok(key)
}
