//! Authentication: access token, then session.

use crate::{
    error::Error,
    keys::AccessKeys,
    routes::Access,
    sessions::Sessions,
    token::{self, Claims, TokenFault},
};
use http::HeaderMap;
use uuid::Uuid;
use web::identity::Role;

/// A caller whose token and session are good.
#[derive(Debug, Clone)]
pub struct Caller {
    pub user_id: Uuid,
    pub email: String,
    /// Lesser of the roles of token and session.
    pub role: Role,
    pub session_id: String,
}

/// Returns the caller of a request, or `None` without a token. An invalid token is refused, on public routes as well, since
/// its owner expects to be logged in.
pub async fn authenticate(
    headers: &HeaderMap,
    keys: &AccessKeys,
    sessions: &Sessions,
) -> Result<Option<Caller>, Error> {
    let Some(token) = token::of_request(headers)? else {
        return Ok(None);
    };
    let claims = verify(token, keys).await?;
    let session = sessions.find(&claims.sid).await?.ok_or(Error::SessionEnded)?;
    if session.user_id != claims.sub {
        return Err(TokenFault::Invalid.into());
    }
    // The lesser of the two: a revoked right is gone at once, a granted one waits for a new token.
    let is_admin = claims.role == Role::Admin && session.role == Role::Admin;
    let role = if is_admin { Role::Admin } else { Role::Customer };
    Ok(Some(Caller {
        user_id: claims.sub,
        email: claims.email,
        role,
        session_id: claims.sid,
    }))
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

async fn verify(token: &str, keys: &AccessKeys) -> Result<Claims, Error> {
    match token::verify(token, &keys.current()) {
        // The key may be new.
        Err(TokenFault::UnknownKey) => Ok(token::verify(token, &*keys.after_fetch().await?)?),
        verified => Ok(verified?),
    }
}

impl Caller {
    /// Returns the role as `X-User-Role` holds it.
    pub fn role_name(&self) -> &'static str {
        match self.role {
            Role::Customer => "customer",
            Role::Admin => "admin",
        }
    }
}
