//! Who is asking: token, then session.

use crate::{
    error::Error,
    keys::AccessKeys,
    routes::Who,
    sessions::Sessions,
    token::{self, Claims, TokenFault},
};
use http::HeaderMap;
use shared::identity::Role;
use uuid::Uuid;

/// A caller whose token and session are good.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user.
    pub user_id: Uuid,
    /// Their e-mail address.
    pub email: String,
    /// What they may do now.
    pub role: Role,
    /// Their session.
    pub session_id: String,
}

/// The caller of a request, or `None` if it shows no token. A token that is not good is refused, on public routes too:
/// its owner believes to be logged in.
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
    // The lesser of the two: a right that was taken away is gone at once, one that was given waits for a new token.
    let is_admin = claims.role == Role::Admin && session.role == Role::Admin;
    let role = if is_admin { Role::Admin } else { Role::Customer };
    Ok(Some(Caller {
        user_id: claims.sub,
        email: claims.email,
        role,
        session_id: claims.sid,
    }))
}

/// Whether the caller may use a route for `who`.
pub fn authorise(who: Who, caller: Option<&Caller>) -> Result<(), Error> {
    match (who, caller) {
        (Who::Public, _) | (Who::User, Some(_)) => Ok(()),
        (Who::Admin, Some(caller)) if caller.role == Role::Admin => Ok(()),
        (Who::Admin, Some(_)) => Err(Error::Forbidden),
        (Who::User | Who::Admin, None) => Err(Error::TokenMissing),
    }
}

async fn verify(token: &str, keys: &AccessKeys) -> Result<Claims, Error> {
    match token::verify(token, &keys.current()) {
        // Perhaps the key is new.
        Err(TokenFault::UnknownKey(_)) => Ok(token::verify(token, &*keys.after_fetch().await?)?),
        verified => Ok(verified?),
    }
}

impl Caller {
    /// The role as it stands in `X-User-Role`.
    pub fn role_name(&self) -> &'static str {
        match self.role {
            Role::Customer => "customer",
            Role::Admin => "admin",
        }
    }
}
