//! Who is asking: the short-lived token that the gateway signs for each request and every service verifies.
//!
//! The gateway puts it into `X-Identity`. A service takes the caller from it and from nothing else: plain `X-User-Id`
//! headers say nothing. [`Identity`] and [`Admin`] are axum extractors.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
