//! The identity of the caller: a short-lived token that the gateway signs and every service verifies.
//!
//! The gateway puts it into `X-Identity`. A service takes the caller from it and from nothing else: plain `X-User-Id`
//! headers are ignored. [`Identity`] and [`Admin`] are axum extractors.

mod caller;
mod extractors;
mod header;
mod operator;
mod signer;
mod verifier;

#[cfg(test)]
mod tests;

pub use caller::{Admin, Identity, Role};
pub use header::IDENTITY_HEADER;
pub use operator::{Operator, OperatorToken};
pub use signer::IdentitySigner;
pub use verifier::{IdentityError, IdentityVerifier};
