//! The identity headers of a caller, signed once for several requests.

use crate::headers::{IDENTITY, USER_EMAIL, USER_ID, USER_ROLE};
use http::{HeaderMap, HeaderValue};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;
use web::identity::{IdentityError, IdentitySigner, Role};

/// Age up to which a signed identity goes out. It is valid for 60 s, so 30 s remain for the request: twice the time that a
/// service has for its answer.
const REUSED_FOR: Duration = Duration::from_secs(30);

/// The last signed identity of one token's caller.
#[derive(Default)]
pub struct IdentityHeaders(Mutex<Option<Signed>>);

struct Signed {
    role: Role,
    at: Instant,
    identity: HeaderValue,
    user_id: HeaderValue,
    /// Absent for an address that no header can hold (in another script).
    email: Option<HeaderValue>,
}

impl IdentityHeaders {
    /// Writes the identity, which is signed anew if it is too old or of another role. Services trust `X-Identity` alone; the
    /// plain headers are for readers of logs.
    pub fn put(
        &self,
        user_id: Uuid,
        email: &str,
        role: Role,
        signer: &IdentitySigner,
        headers: &mut HeaderMap,
    ) -> Result<(), IdentityError> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if !last.as_ref().is_some_and(|last| last.is_usable(role, now)) {
            *last = Some(Signed::new(user_id, email, role, now, signer)?);
        }
        if let Some(last) = &*last {
            headers.insert(IDENTITY, last.identity.clone());
            headers.insert(USER_ID, last.user_id.clone());
            headers.insert(USER_ROLE, HeaderValue::from_static(role_name(role)));
            if let Some(email) = &last.email {
                headers.insert(USER_EMAIL, email.clone());
            }
        }
        Ok(())
    }
}

impl Signed {
    fn new(
        user_id: Uuid,
        email: &str,
        role: Role,
        at: Instant,
        signer: &IdentitySigner,
    ) -> Result<Self, IdentityError> {
        let identity = signer.sign(user_id, email, role)?;
        Ok(Self {
            role,
            at,
            identity: HeaderValue::try_from(identity).expect("a token is plain text"),
            user_id: HeaderValue::try_from(user_id.to_string()).expect("hexadecimal digits and dashes"),
            email: HeaderValue::from_str(email).ok(),
        })
    }

    fn is_usable(&self, role: Role, now: Instant) -> bool {
        self.role == role && now.duration_since(self.at) < REUSED_FOR
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Customer => "customer",
        Role::Admin => "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_goes_out_for_half_of_its_life_and_in_its_role_only() {
        let signer = IdentitySigner::from_pem(include_bytes!("../tests/it/keys/gateway.pem")).unwrap();
        let at = Instant::now();
        let last = Signed::new(kernel::id::new(), "a@b.example", Role::Customer, at, &signer).unwrap();
        assert!(last.is_usable(Role::Customer, at + Duration::from_secs(29)));
        assert!(!last.is_usable(Role::Customer, at + Duration::from_secs(30)));
        assert!(!last.is_usable(Role::Admin, at));
    }
}
