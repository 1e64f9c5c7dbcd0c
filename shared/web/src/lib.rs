//! The HTTP edge of a service: [`extract`]ors that refuse with a problem, [`problem`]+json at one place, the caller's
//! [`identity`] and the [`jwt`] rules behind it, and [`page`]d listings.

#![warn(missing_docs)]

pub mod extract;
pub mod identity;
pub mod jwt;
pub mod page;
pub mod problem;
