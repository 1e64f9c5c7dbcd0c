//! `GET /.well-known/jwks.json`: the public keys that verify access tokens.

use crate::app::App;
use axum::{
    extract::State,
    http::{HeaderName, header::CACHE_CONTROL},
    response::IntoResponse,
};
use web::extract::Json;

/// Time in which a cache may serve the old keys after a change.
const FIVE_MINUTES: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "public, max-age=300")];

pub(super) async fn get_jwks(State(app): State<App>) -> impl IntoResponse {
    (FIVE_MINUTES, Json(app.signing_key.public().clone()))
}
