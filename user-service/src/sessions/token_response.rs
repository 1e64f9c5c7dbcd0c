//! The answer to a log-in or a refresh.

use crate::{
    app::App,
    domain::{SessionId, User},
    error::Error,
    tokens::{RefreshToken, Validity},
};
use axum::{
    http::header::CACHE_CONTROL,
    response::{IntoResponse, Response},
};
use kernel::clock;
use serde::Serialize;
use web::extract::Json;

/// A pair of tokens and their user (RFC 6749 §5.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenResponse {
    access_token: String,
    refresh_token: RefreshToken,
    token_type: &'static str,
    expires_in_s: u32,
    user: User,
}

impl TokenResponse {
    /// Signs an access token, valid from now, and puts it together with the refresh token.
    pub(super) fn issue(
        app: &App,
        user: User,
        session_id: SessionId,
        refresh_token: RefreshToken,
    ) -> Result<Self, Error> {
        let validity = Validity {
            from_s: clock::now().timestamp(),
            ttl_s: app.access_token_ttl_s,
        };
        let access_token = app.signing_key.sign(&user, session_id, validity)?;
        Ok(Self {
            access_token,
            refresh_token,
            token_type: "Bearer",
            expires_in_s: app.access_token_ttl_s,
            user,
        })
    }
}

impl IntoResponse for TokenResponse {
    /// Adds the header that keeps the tokens out of every cache on their way.
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, "no-store")], Json(self)).into_response()
    }
}
