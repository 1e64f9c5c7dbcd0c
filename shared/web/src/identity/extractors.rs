//! Extractors of the caller.

use super::{
    caller::{Admin, Identity, Role},
    header::IDENTITY_HEADER,
    verifier::{IdentityError, IdentityVerifier},
};
use crate::problem::Problem;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use std::sync::Arc;

impl<S: Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        from_parts(parts)?.ok_or_else(|| Problem::unauthorized("not-authenticated", "this needs an access token"))
    }
}

/// Gives `None` without a token; a token that does not verify is still refused.
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
