//! Access tokens, and the ways in which one can be invalid.

use http::{HeaderMap, header};
use serde::Deserialize;
use std::sync::LazyLock;
use uuid::Uuid;
use web::{
    identity::Role,
    jwt::{KeySet, TOKEN_LENGTH_MAX, TokenError, TokenRules, Verified},
};

const ISSUER: &str = "user-service";
const AUDIENCE: &str = "platform";
/// RFC 9068: another kind of token by the same issuer must not pass for an access token.
const TOKEN_TYPE: &str = "at+jwt";

const BEARER: &[u8] = b"bearer ";

/// The bytes of a token, base64url and dots, as a table: each request has some hundred of them.
static IS_OF_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        byte += 1;
    }
    table
};

static RULES: LazyLock<TokenRules> = LazyLock::new(|| TokenRules::new(TOKEN_TYPE, ISSUER, AUDIENCE));

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
}

/// The refusal of a token; its text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// More than one `Authorization`, or one that is not `Bearer <token>`.
    #[error("the Authorization header must be one `Bearer <token>`")]
    Header,
    /// No token, another kind of token, or one with unknown extensions.
    #[error("this is not an access token")]
    Kind,
    /// Signed with a key that user-service does not publish.
    #[error("the access token is signed with an unknown key")]
    UnknownKey,
    /// The token was valid once.
    #[error("the access token has expired")]
    Expired,
    /// Signature, issuer, audience or times are wrong.
    #[error("the access token is not valid")]
    Invalid,
}

impl From<TokenError> for TokenFault {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Unreadable | TokenError::WrongType => Self::Kind,
            TokenError::UnknownKey => Self::UnknownKey,
            TokenError::Expired => Self::Expired,
            TokenError::IssuedInTheFuture | TokenError::Invalid(_) => Self::Invalid,
        }
    }
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
        .as_bytes()
        .split_at_checked(BEARER.len())
        .ok_or(TokenFault::Header)?;
    if !scheme.eq_ignore_ascii_case(BEARER) || !token.iter().all(|&byte| IS_OF_TOKEN[usize::from(byte)]) {
        return Err(TokenFault::Header);
    }
    let token = std::str::from_utf8(token).map_err(|_| TokenFault::Header)?;
    if token.is_empty() || token.len() > TOKEN_LENGTH_MAX {
        Err(TokenFault::Kind)
    } else {
        Ok(Some(token))
    }
}

/// Verifies a token.
pub fn verify(token: &str, keys: &KeySet) -> Result<Verified<Claims>, TokenFault> {
    Ok(RULES.verify(token, keys)?)
}

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
