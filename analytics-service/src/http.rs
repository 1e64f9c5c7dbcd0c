//! The route table.

mod counters;
mod timeline;

use crate::App;
use axum::{Router, routing::get};

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/api/analytics/timelines/{subject}", get(timeline::handle))
        .route("/api/analytics/counters", get(counters::handle))
        .with_state(app)
}
