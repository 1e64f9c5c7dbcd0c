//! `GET /.well-known/jwks.json`: the public keys that verify access tokens.

use crate::App;
use axum::{
    extract::State,
    http::{HeaderName, header::CACHE_CONTROL},
    response::IntoResponse,
};
use shared::extract::Json;

/// A new key is known everywhere after this time.
const FIVE_MINUTES: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=300")];

pub(super) async fn jwks(State(app): State<App>) -> impl IntoResponse {
    (FIVE_MINUTES, Json(app.signing_key.public().clone()))
}
