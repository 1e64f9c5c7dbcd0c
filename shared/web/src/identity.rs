//! Who is asking: the short-lived token that the gateway signs for each request and every service verifies.
//!
//! The gateway puts it into `X-Identity`. A service takes the caller from it and from nothing else: plain `X-User-Id`
//! headers say nothing. [`Identity`] and [`Admin`] are axum extractors.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

mod operator;
mod signer;
mod verifier;

#[cfg(test)]
mod tests;

pub use operator::{Operator, OperatorToken};
pub use signer::IdentitySigner;
pub use verifier::{IdentityError, IdentityVerifier};

/// Header that carries the signed identity between gateway and services.
pub const IDENTITY_HEADER: &str = "x-identity";

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Acts on what is their own.
    Customer,
    /// May also manage the catalogue and the orders of others.
    Admin,
}

/// The verified caller. Extracting it answers 401 when there is none; `Option<Identity>` allows that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user_id: Uuid,
    /// Their e-mail address when the token was made.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// The token itself, to be forwarded on calls made on the caller's behalf.
    pub token: String,
}

/// A caller with the role [`Role::Admin`]. Extracting it answers 401 or 403 otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin(pub Identity);

/// Who signs the identity.
const ISSUER: &str = "gateway";
/// Whom it is meant for.
const AUDIENCE: &str = "platform-services";
/// What kind of token it is (RFC 8725 §3.11): an access token of the user's must not pass for one.
const TOKEN_TYPE: &str = "identity+jwt";

/// What stands in the token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    email: String,
    role: Role,
    iat: u64,
    nbf: u64,
    exp: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        from_parts(parts)?.ok_or_else(|| Problem::unauthorized("not-authenticated", "this needs an access token"))
    }
}

/// `None` without a token; a token that does not verify is refused all the same.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        from_parts(parts)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let identity = <Identity as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        match identity.role {
            Role::Admin => Ok(Self(identity)),
            Role::Customer => Err(Problem::forbidden("this is for administrators")),
        }
    }
}

fn from_parts(parts: &Parts) -> Result<Option<Identity>, Problem> {
    let mut tokens = parts.headers.get_all(IDENTITY_HEADER).iter();
    let Some(token) = tokens.next() else {
        return Ok(None);
    };
    let verifier = parts.extensions.get::<Arc<IdentityVerifier>>();
    let verifier = verifier.ok_or_else(|| Problem::internal(IdentityError::NoVerifier))?;
    let refused = |cause| {
        Problem::unauthorized(
            "identity-invalid",
            "the identity that came with the request does not verify",
        )
        .caused_by(cause)
    };
    if tokens.next().is_some() {
        return Err(refused(IdentityError::Ambiguous));
    }
    let token = token.to_str().map_err(|_| refused(IdentityError::Unreadable))?;
    verifier.verify(token).map(Some).map_err(refused)
}
