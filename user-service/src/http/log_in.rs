//! `POST /api/auth/login`: creates a session for an e-mail address and its password.

use crate::{
    app::App,
    domain::{Email, Password},
    error::Error,
    sessions::{self, TokenResponse},
    store::{self, users::Credentials},
};
use axum::extract::State;
use kernel::context::Context;
use serde::Deserialize;
use web::extract::Json;

/// Plain text instead of [`Email`] and [`Password`]: values that no user can have get the same answer as wrong ones.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    email: String,
    password: String,
}

pub(super) async fn log_in(
    State(app): State<App>,
    context: Context,
    Json(request): Json<LoginRequest>,
) -> Result<TokenResponse, Error> {
    let credentials = authenticate(&app, request).await?;
    sessions::create(&app, &context, credentials).await
}

async fn authenticate(app: &App, request: LoginRequest) -> Result<Credentials, Error> {
    // These two refusals come sooner than the others, which is safe: they tell nothing about the users that exist.
    let email = Email::try_from(request.email).map_err(|_| Error::WrongCredentials)?;
    let password = Password::try_from(request.password).map_err(|_| Error::WrongCredentials)?;
    let known = store::users::find_credentials(&mut *app.database.acquire().await?, &email).await?;
    let hash = known.as_ref().map(|known| known.password_hash.as_str());
    let verified = app.passwords.verify(&password, hash).await?;
    known.filter(|_| verified).ok_or(Error::WrongCredentials)
}
