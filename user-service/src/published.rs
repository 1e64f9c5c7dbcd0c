//! The events that this service publishes, each about a user. Their schemas are in `contracts/`.

use crate::domain::{User, UserId};
use messaging::Event;
use serde::Serialize;
use uuid::Uuid;

/// The types of all events that this service publishes.
pub const TYPES: [&str; 2] = [UserRegistered::TYPE, UserUpdated::TYPE];

/// The data of both events: all that is needed to contact the user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact<'a> {
    pub user_id: UserId,
    pub email: &'a str,
    pub name: &'a str,
}

/// An account was created.
#[derive(Debug, Serialize)]
pub struct UserRegistered<'a>(pub Contact<'a>);

/// The name or the e-mail address changed, or an operator republished all users.
#[derive(Debug, Serialize)]
pub struct UserUpdated<'a>(pub Contact<'a>);

impl Event for UserRegistered<'_> {
    const TYPE: &'static str = "user.registered";

    fn subject(&self) -> Uuid {
        self.0.user_id.uuid()
    }
}

impl Event for UserUpdated<'_> {
    const TYPE: &'static str = "user.updated";

    fn subject(&self) -> Uuid {
        self.0.user_id.uuid()
    }
}

impl<'a> From<&'a User> for Contact<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            user_id: user.id,
            email: &user.email,
            name: &user.name,
        }
    }
}
