//! What this service publishes: `user.registered` and `user.updated`, as `contracts/` promises. It consumes nothing.

use crate::domain::User;
use serde::Serialize;
use shared::database::Tx;
use uuid::Uuid;

/// The data of both events: the whole contact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Contact<'a> {
    user_id: Uuid,
    email: &'a str,
    name: &'a str,
}

impl<'a> Contact<'a> {
    fn of(user: &'a User) -> Self {
        Self {
            user_id: user.id,
            email: &user.email,
            name: &user.name,
        }
    }
}

/// Tells that there is a new user.
pub async fn registered(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    tx.emit("user.registered", user.id, &Contact::of(user)).await?;
    Ok(())
}

/// Tells how a user is called and reached now.
pub async fn updated(tx: &mut Tx, user: &User) -> Result<(), sqlx::Error> {
    tx.emit("user.updated", user.id, &Contact::of(user)).await?;
    Ok(())
}
