//! `POST /api/auth/logout`: ends the session of one of the caller's refresh tokens.
//!
//! The body names a refresh token and not a session id, since the identity that the gateway passes on tells the caller but not
//! the session. Any refresh token of the session is accepted, used ones included.

use crate::{app::App, error::Error, sessions, tokens::RefreshToken};
use axum::{extract::State, http::StatusCode};
use kernel::context::Context;
use serde::Deserialize;
use web::{extract::Json, identity::Identity};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LogoutRequest {
    refresh_token: RefreshToken,
}

pub(super) async fn log_out(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    Json(request): Json<LogoutRequest>,
) -> Result<StatusCode, Error> {
    sessions::end(&app, &context, caller.user_id.into(), &request.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}
