//! `POST /api/auth/refresh`: a refresh token for a new pair of tokens.

use super::NO_STORE;
use crate::{App, error::Error, sessions, tokens::RefreshToken};
use axum::{extract::State, response::IntoResponse};
use serde::Deserialize;
use shared::{context::Context, extract::Json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Renewal {
    refresh_token: RefreshToken,
}

pub(super) async fn refresh(
    State(app): State<App>,
    context: Context,
    Json(renewal): Json<Renewal>,
) -> Result<impl IntoResponse, Error> {
    let grant = sessions::renew(&app, &context, &renewal.refresh_token).await?;
    Ok((NO_STORE, Json(grant)))
}
