//! The route table.

mod list;
mod mark_read;

use crate::App;
use axum::{
    Router,
    routing::{get, post},
};

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/api/notifications", get(list::handle))
        .route("/api/notifications/{id}/read", post(mark_read::handle))
        .with_state(app)
}
