//! `POST /api/users`: creates a customer's account.

use crate::{
    app::App,
    domain::{Email, Name, Password, Role, User, UserId},
    error::Error,
    published::{Contact, UserRegistered},
    store::{self, users::NewUser},
};
use axum::{
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
};
use kernel::context::Context;
use messaging::Tx;
use serde::Deserialize;
use web::extract::Json;

/// The fields that a client may set. A body with a role, an id or a date is refused.
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
        id: UserId::new(),
        email: &registration.email,
        name: &registration.name,
        role: Role::Customer,
        password_hash: &password_hash,
    };
    let mut tx = Tx::begin(&app.database, context).await?;
    let user = store::users::insert(&mut tx, &new).await?;
    tx.emit(&UserRegistered(Contact::from(&user))).await?;
    tx.commit().await?;
    Ok(user)
}
