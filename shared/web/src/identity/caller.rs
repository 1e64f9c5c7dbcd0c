//! The caller, and the claims that an identity token makes about them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The role of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May act on their own orders and account.
    Customer,
    /// May also manage the catalogue and the orders of others.
    Admin,
}

/// The verified caller. Extracting it answers 401 when there is none; `Option<Identity>` allows that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Id of the user.
    pub user_id: Uuid,
    /// E-mail address of the user when the token was signed.
    pub email: String,
    /// Role of the user.
    pub role: Role,
    /// The token itself, to be forwarded on calls made on the caller's behalf.
    pub token: String,
}

/// A caller with the role [`Role::Admin`]. Extracting it answers 401 or 403 otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin(pub Identity);

/// Claim `iss` of an identity.
pub(super) const ISSUER: &str = "gateway";
/// Claim `aud` of an identity.
pub(super) const AUDIENCE: &str = "platform-services";
/// Header `typ` of an identity (RFC 8725 §3.11): a user's access token must not pass for one.
pub(super) const TOKEN_TYPE: &str = "identity+jwt";

/// The claims of an identity token.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: Uuid,
    pub(super) email: String,
    pub(super) role: Role,
    pub(super) iat: u64,
    pub(super) nbf: u64,
    pub(super) exp: u64,
}
