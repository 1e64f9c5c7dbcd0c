//! The route table of the API.

mod get_jwks;
mod get_me;
mod get_user;
mod log_in;
mod log_out;
mod refresh;
mod register;
mod republish_users;
mod update_me;

use crate::app::App;
use axum::{
    Router,
    routing::{get, post},
};

/// Returns the route table.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/users", post(register::register))
        .route("/api/users/me", get(get_me::get_me).patch(update_me::update_me))
        .route("/api/users/{id}", get(get_user::get_user))
        .route("/api/auth/login", post(log_in::log_in))
        .route("/api/auth/refresh", post(refresh::refresh))
        .route("/api/auth/logout", post(log_out::log_out))
        .route("/.well-known/jwks.json", get(get_jwks::get_jwks))
        .route("/internal/users/republish", post(republish_users::republish_users))
        .with_state(app)
}
