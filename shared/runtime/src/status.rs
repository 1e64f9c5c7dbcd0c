//! The operators' view of a service: `/internal/status`, `/internal/metrics`, `/internal/dead-letters`, `/internal/jobs`,
//! and readiness.

mod dead_letters;
mod jobs;
mod listing;
mod page;
mod reason;
mod section;

pub(crate) use page::StatusPage;
pub(crate) use section::Section;

use crate::telemetry;
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use serde_json::Value;
use std::sync::Arc;
use web::extract::Json;

/// Returns the routes under `/internal` that every service has.
pub(crate) fn routes(page: Arc<StatusPage>) -> Router {
    Router::new()
        .route("/internal/status", get(status))
        .route("/internal/metrics", get(|| async { telemetry::render_metrics() }))
        .route("/internal/dead-letters", get(dead_letters::list))
        .route("/internal/dead-letters/replay", post(dead_letters::replay_many))
        .route("/internal/dead-letters/discard", post(dead_letters::discard_many))
        .route("/internal/dead-letters/{id}", get(dead_letters::show))
        .route("/internal/dead-letters/{id}/replay", post(dead_letters::replay))
        .route("/internal/dead-letters/{id}/discard", post(dead_letters::discard))
        .route("/internal/jobs", get(jobs::list))
        .route("/internal/jobs/retry", post(jobs::retry_all))
        .route("/internal/jobs/{id}", get(jobs::show))
        .route("/internal/jobs/{id}/retry", post(jobs::retry))
        .route("/internal/jobs/{id}/discard", post(jobs::discard))
        .with_state(page)
}

async fn status(State(page): State<Arc<StatusPage>>) -> Json<Value> {
    Json(page.report().await)
}
