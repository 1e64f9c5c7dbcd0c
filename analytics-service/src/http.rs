//! The route table.

mod get_counters;
mod get_subject_timeline;

use crate::app::App;
use axum::{Router, routing::get};
use get_counters::get_counters;
use get_subject_timeline::get_subject_timeline;

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/api/analytics/timelines/{subject}", get(get_subject_timeline))
        .route("/api/analytics/counters", get(get_counters))
        .with_state(app)
}
