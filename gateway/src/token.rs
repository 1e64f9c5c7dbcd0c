//! Access tokens, and the ways in which one can be invalid.

use crate::keys::KeySet;
use http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, get_current_timestamp};
use serde::Deserialize;
use std::sync::LazyLock;
use uuid::Uuid;
use web::identity::Role;

/// Longest token that is parsed; a valid one is far shorter.
const TOKEN_LENGTH_MAX: usize = 4096;
/// Tolerated difference between the clocks of user-service and of this process.
const LEEWAY_S: u64 = 5;
const ISSUER: &str = "user-service";
const AUDIENCE: &str = "platform";
/// RFC 9068: another kind of token by the same issuer must not pass for an access token.
const TOKEN_TYPE: &str = "at+jwt";

/// The claims of a verified token.
#[derive(Debug, Clone, Deserialize)]
pub struct Claims {
    /// Id of the user.
    pub sub: Uuid,
    pub email: String,
    /// Role of the user when the token was signed.
    pub role: Role,
    /// Id of the session, which Redis must still hold.
    pub sid: String,
    iat: u64,
    /// Read as whole seconds, which refuses what jsonwebtoken would round.
    #[serde(rename = "exp")]
    _exp: u64,
    #[serde(rename = "nbf")]
    _nbf: u64,
    /// Read as one issuer, which refuses a list that contains it.
    #[serde(rename = "iss")]
    _iss: String,
}

/// The refusal of a token; its text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// More than one `Authorization`, or one that is not `Bearer <token>`.
    #[error("the Authorization header must be one `Bearer <token>`")]
    Header,
    /// No token, another kind of token, or one with unknown extensions.
    #[error("this is not an access token")]
    Kind,
    /// Signed with a key that user-service does not publish.
    #[error("the access token is signed with an unknown key")]
    UnknownKey(String),
    /// The token was valid once.
    #[error("the access token has expired")]
    Expired,
    /// Signature, issuer, audience or times are wrong.
    #[error("the access token is not valid")]
    Invalid,
}

/// Returns the token of a request; `None` without `Authorization`.
pub fn of_request(headers: &HeaderMap) -> Result<Option<&str>, TokenFault> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(TokenFault::Header);
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(TokenFault::Header)?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !scheme.eq_ignore_ascii_case("bearer") || !token.bytes().all(is_token) {
        return Err(TokenFault::Header);
    }
    if token.is_empty() || token.len() > TOKEN_LENGTH_MAX {
        Err(TokenFault::Kind)
    } else {
        Ok(Some(token))
    }
}

/// Verifies a token. Only the key id is taken from its header: key and algorithm are those known under it, and `jku`, `x5u`
/// and `jwk` are ignored.
pub fn verify(token: &str, keys: &KeySet) -> Result<Claims, TokenFault> {
    let header = decode_header(token).map_err(|_| TokenFault::Kind)?;
    if header.typ.as_deref() != Some(TOKEN_TYPE) || header.crit.is_some() || header.alg != Algorithm::EdDSA {
        return Err(TokenFault::Kind);
    }
    let key_id = header.kid.ok_or(TokenFault::Kind)?;
    let key = keys.get(&key_id).ok_or(TokenFault::UnknownKey(key_id))?;
    let claims = decode::<Claims>(token, key, &RULES)
        .map_err(|error| fault(&error))?
        .claims;
    if claims.iat > get_current_timestamp() + LEEWAY_S {
        return Err(TokenFault::Invalid);
    }
    Ok(claims)
}

fn fault(error: &jsonwebtoken::errors::Error) -> TokenFault {
    match error.kind() {
        jsonwebtoken::errors::ErrorKind::ExpiredSignature => TokenFault::Expired,
        _ => TokenFault::Invalid,
    }
}

/// jsonwebtoken's defaults allow a minute of leeway, ignore `nbf`, and accept a token without `aud` or `iss`.
static RULES: LazyLock<Validation> = LazyLock::new(|| {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.leeway = LEEWAY_S;
    rules.validate_nbf = true;
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    rules
});

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Option<String>, TokenFault> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        of_request(&headers).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn reads_one_bearer_token() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["bearer a.b.c"]), Ok(Some("a.b.c".to_owned())));
        for wrong in [
            "Bearer",
            "Bearer  a",
            "Bearer a b",
            "Bearer a,b",
            "Basic dTpw",
            "a.b.c",
            "Bearer a\t",
        ] {
            assert_eq!(read(&[wrong]), Err(TokenFault::Header), "{wrong}");
        }
        assert_eq!(read(&["Bearer a", "Bearer b"]), Err(TokenFault::Header));
        assert_eq!(read(&["Bearer "]), Err(TokenFault::Kind));
        assert_eq!(
            read(&[&format!("Bearer {}", "a".repeat(TOKEN_LENGTH_MAX + 1))]),
            Err(TokenFault::Kind)
        );
    }
}
