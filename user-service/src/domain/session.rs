//! Sessions as the gateway sees them.

use super::{
    ids::UserId,
    user::{Role, User},
};
use serde::Serialize;

/// The value that the gateway reads under `session:<sid>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CachedSession {
    pub user_id: UserId,
    pub role: Role,
    pub email: String,
}

impl From<&User> for CachedSession {
    fn from(user: &User) -> Self {
        Self {
            user_id: user.id,
            role: user.role,
            email: user.email.clone(),
        }
    }
}
