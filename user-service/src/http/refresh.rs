//! `POST /api/auth/refresh`: exchanges a refresh token for a new pair of tokens.

use crate::{
    app::App,
    error::Error,
    sessions::{self, TokenResponse},
    tokens::RefreshToken,
};
use axum::extract::State;
use kernel::context::Context;
use serde::Deserialize;
use web::extract::Json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RefreshRequest {
    refresh_token: RefreshToken,
}

pub(super) async fn refresh(
    State(app): State<App>,
    context: Context,
    Json(request): Json<RefreshRequest>,
) -> Result<TokenResponse, Error> {
    sessions::refresh(&app, &context, &request.refresh_token).await
}
