//! `POST /api/users`: anyone makes an account for themselves.

use crate::{
    App,
    domain::{Email, Name, Password, User},
    error::Error,
    events,
    store::{self, users::NewUser},
};
use axum::{extract::State, http::StatusCode, http::header::LOCATION, response::IntoResponse};
use serde::Deserialize;
use shared::{context::Context, extract::Json, id, identity::Role};

/// All that a client may say of itself; a role, an id or a date in the body is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    email: Email,
    password: Password,
    name: Name,
}

pub(super) async fn register(
    State(app): State<App>,
    context: Context,
    Json(registration): Json<Registration>,
) -> Result<impl IntoResponse, Error> {
    let user = create(&app, &context, &registration).await?;
    let location = format!("/api/users/{}", user.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(user)))
}

async fn create(app: &App, context: &Context, registration: &Registration) -> Result<User, Error> {
    let password_hash = app.passwords.hash(&registration.password).await?;
    let new = NewUser {
        id: id::new(),
        email: &registration.email,
        name: &registration.name,
        role: Role::Customer,
        password_hash: &password_hash,
    };
    let mut tx = app.database.begin(context).await?;
    let user = store::users::insert(&mut tx, &new).await?;
    events::registered(&mut tx, &user).await?;
    tx.commit().await?;
    Ok(user)
}
