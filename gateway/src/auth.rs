//! Authentication: access token, then session, which is read from Redis together with the rate limit.

use crate::{
    admission::{self, Admitted},
    error::Error,
    limiter::{Bucket, Verdict},
    routes::Access,
    sessions::Session,
    state::Gateway,
    token::{self, TokenFault},
    token_cache::VerifiedToken,
};
use http::HeaderMap;
use std::{net::IpAddr, sync::Arc};
use uuid::Uuid;
use web::identity::Role;

/// A caller whose token and session are good.
pub struct Caller {
    pub token: Arc<VerifiedToken>,
    /// Lesser of the roles of token and session.
    pub role: Role,
}

/// Returns the caller of a request, or `None` without a token, and the verdict of the rate limit. An invalid token is refused,
/// on public routes as well, since its owner expects to be logged in.
pub async fn authenticate(
    gateway: &Gateway,
    headers: &HeaderMap,
    client_ip: IpAddr,
) -> Result<(Option<Caller>, Bucket, Verdict), Error> {
    let Some(token) = token::of_request(headers)? else {
        let bucket = Bucket::address(client_ip);
        let verdict = admission::limit(gateway, &bucket).await;
        return Ok((None, bucket, verdict));
    };
    let token = gateway.tokens.verified(token, &gateway.keys).await?;
    let bucket = Bucket::User(token.claims().sub);
    let Admitted { session, verdict } = admission::admit(gateway, &token.claims().sid, &bucket).await?;
    let caller = Caller::new(token, session.ok_or(Error::SessionEnded)?)?;
    Ok((Some(caller), bucket, verdict))
}

/// Fails if the caller may not use a route with this access.
pub fn authorise(access: Access, caller: Option<&Caller>) -> Result<(), Error> {
    match (access, caller) {
        (Access::Public, _) | (Access::User, Some(_)) => Ok(()),
        (Access::Admin, Some(caller)) if caller.role == Role::Admin => Ok(()),
        (Access::Admin, Some(_)) => Err(Error::Forbidden),
        (Access::User | Access::Admin, None) => Err(Error::TokenMissing),
    }
}

impl Caller {
    /// Returns the id of the user.
    pub fn user_id(&self) -> Uuid {
        self.token.claims().sub
    }

    /// Returns the id of the session.
    pub fn session_id(&self) -> &str {
        &self.token.claims().sid
    }

    fn new(token: Arc<VerifiedToken>, session: Session) -> Result<Self, Error> {
        let claims = token.claims();
        if session.user_id != claims.sub {
            return Err(TokenFault::Invalid.into());
        }
        // The lesser of the two: a revoked right is gone at once, a granted one waits for a new token.
        let is_admin = claims.role == Role::Admin && session.role == Role::Admin;
        let role = if is_admin { Role::Admin } else { Role::Customer };
        Ok(Self { token, role })
    }
}
