//! `POST /api/auth/login`: e-mail address and password for an access token and a refresh token.

use super::NO_STORE;
use crate::{
    App,
    domain::{Email, Password},
    error::Error,
    sessions,
    store::{self, users::Credentials},
};
use axum::{extract::State, response::IntoResponse};
use serde::Deserialize;
use shared::{context::Context, extract::Json};

/// Plain text, and not [`Email`] and [`Password`]: what cannot be right is wrong, and gets the same answer as what is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attempt {
    email: String,
    password: String,
}

pub(super) async fn login(
    State(app): State<App>,
    context: Context,
    Json(attempt): Json<Attempt>,
) -> Result<impl IntoResponse, Error> {
    let credentials = authenticate(&app, attempt).await?;
    let grant = sessions::begin(&app, &context, credentials).await?;
    Ok((NO_STORE, Json(grant)))
}

async fn authenticate(app: &App, attempt: Attempt) -> Result<Credentials, Error> {
    // Neither says anything about who is registered here, so these two may be answered sooner.
    let email = Email::try_from(attempt.email).map_err(|_| Error::WrongCredentials)?;
    let password = Password::try_from(attempt.password).map_err(|_| Error::WrongCredentials)?;
    let known = store::users::find_credentials(&mut *app.database.acquire().await?, &email).await?;
    let hash = known.as_ref().map(|known| known.password_hash.as_str());
    let matches = app.passwords.matches(&password, hash).await?;
    known.filter(|_| matches).ok_or(Error::WrongCredentials)
}
