//! The route table.

mod list_notifications;
mod mark_read;

use crate::app::App;
use axum::{
    Router,
    routing::{get, post},
};
use list_notifications::list_notifications;
use mark_read::mark_read;

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/api/notifications", get(list_notifications))
        .route("/api/notifications/{id}/read", post(mark_read))
        .with_state(app)
}
