//! `POST /api/auth/logout`: ends the session that a refresh token of the caller's belongs to.
//!
//! The session is named by a refresh token and not by its id: the identity that the gateway passes on says who is asking
//! and not through which session. Any refresh token of the session will do, used or not.

use crate::{App, error::Error, sessions, tokens::RefreshToken};
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use shared::{context::Context, extract::Json, identity::Identity};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Ending {
    refresh_token: RefreshToken,
}

pub(super) async fn logout(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    Json(ending): Json<Ending>,
) -> Result<StatusCode, Error> {
    sessions::end(&app, &context, caller.user_id, &ending.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}
