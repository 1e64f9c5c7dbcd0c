//! The vocabulary that every other crate shares: [`mod@id`]s, the [`clock`], the [`context`] of a request or event, the
//! [`text_enum!`] mapping, [`periodic`] tasks, error [`chain`]s, and [`failpoint`]s.
//!
//! Nothing here knows a database, a broker or an HTTP client.

#![warn(missing_docs)]

pub mod clock;
pub mod context;
mod error;
pub mod failpoint;
pub mod id;
mod periodic;
mod text_enum;

pub use error::chain;
pub use periodic::periodic;
pub use text_enum::UnknownText;
