//! `PATCH /api/users/me`: the caller changes their name, their e-mail address or both.

use crate::{
    App,
    domain::{Email, Name, User},
    error::Error,
    events, sessions, store,
};
use axum::extract::State;
use serde::Deserialize;
use shared::{context::Context, extract::Json, identity::Identity};

/// What may be changed; what is absent stays.
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
    let mut tx = app.database.begin(&context).await?;
    let mut user = store::users::lock(&mut tx, caller.user_id)
        .await?
        .ok_or(Error::NoSuchUser)?;
    let email_before = user.email.clone();
    if !user.change(change.name, change.email) {
        return Ok(Json(user));
    }
    let user = store::users::update(&mut tx, &user).await?;
    events::updated(&mut tx, &user).await?;
    if user.email != email_before {
        for session in store::sessions::of_user(&mut *tx, user.id).await? {
            sessions::mirror_soon(&mut tx, session).await?;
        }
    }
    tx.commit().await?;
    Ok(Json(user))
}
