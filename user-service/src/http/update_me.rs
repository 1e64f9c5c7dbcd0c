//! `PATCH /api/users/me`: changes the caller's name, e-mail address or both.

use crate::{
    app::App,
    domain::{Email, Name, User, UserId},
    error::Error,
    published::{Contact, UserUpdated},
    sessions, store,
};
use axum::extract::State;
use kernel::context::Context;
use messaging::Tx;
use serde::Deserialize;
use web::{extract::Json, identity::Identity};

/// The fields that may be changed. An absent one stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: Option<Name>,
    email: Option<Email>,
}

pub(super) async fn update_me(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    Json(change): Json<Change>,
) -> Result<Json<User>, Error> {
    if change.name.is_none() && change.email.is_none() {
        return Err(Error::NothingToChange);
    }
    let mut tx = Tx::begin(&app.database, &context).await?;
    let user = store::users::lock(&mut tx, UserId::from(caller.user_id)).await?;
    let mut user = user.ok_or(Error::NoSuchUser)?;
    let email_before = user.email.clone();
    if !user.change(change.name, change.email) {
        return Ok(Json(user));
    }
    let user = store::users::update(&mut tx, &user).await?;
    tx.emit(&UserUpdated(Contact::from(&user))).await?;
    if user.email != email_before {
        for session in store::sessions::of_user(&mut *tx, user.id).await? {
            sessions::enqueue_cache_sync(&mut tx, session).await?;
        }
    }
    tx.commit().await?;
    Ok(Json(user))
}
