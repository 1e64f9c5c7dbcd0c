//! The header of the identity.

/// Header that carries the signed identity between gateway and services.
pub const IDENTITY_HEADER: &str = "x-identity";
