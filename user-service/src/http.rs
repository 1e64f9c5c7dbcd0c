//! The route table: one endpoint, one file.

mod get_me;
mod get_user;
mod jwks;
mod login;
mod logout;
mod refresh;
mod register;
mod republish;
mod update_me;

use crate::App;
use axum::{
    Router,
    http::{HeaderName, header::CACHE_CONTROL},
    routing::{get, post},
};

/// Tokens stay out of every cache on their way (RFC 6749 §5.1).
const NO_STORE: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

/// All routes of the service, besides those that every service has.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/users", post(register::register))
        .route("/api/users/me", get(get_me::get_me).patch(update_me::update_me))
        .route("/api/users/{id}", get(get_user::get_user))
        .route("/api/auth/login", post(login::login))
        .route("/api/auth/refresh", post(refresh::refresh))
        .route("/api/auth/logout", post(logout::logout))
        .route("/.well-known/jwks.json", get(jwks::jwks))
        .route("/internal/users/republish", post(republish::republish))
        .with_state(app)
}
