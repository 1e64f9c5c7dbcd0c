//! Users, and the validation of what a client may set. Pure: no clock, no database, no framework.

mod email;
mod ids;
mod invalid;
mod name;
mod password;
mod session;
mod user;

pub use email::Email;
pub use ids::{SessionId, UserId};
pub use invalid::Invalid;
pub use name::Name;
pub use password::Password;
pub use session::CachedSession;
pub use user::{Role, User};
