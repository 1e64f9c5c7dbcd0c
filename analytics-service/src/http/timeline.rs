//! `GET /api/analytics/timelines/{subject}`: what happened to one order, product or user, in order of time.

use crate::{App, store, store::TimelineItem};
use axum::extract::State;
use serde::Serialize;
use shared::{
    extract::{Json, Path},
    identity::Admin,
    problem::Problem,
};
use uuid::Uuid;

/// An order has a few dozen events at most; a subject that has more shows its newest.
const ITEMS_MAX: i64 = 1_000;

#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    subject: Uuid,
    items: Vec<TimelineItem>,
}

pub(super) async fn handle(
    State(app): State<App>,
    _: Admin,
    Path(subject): Path<Uuid>,
) -> Result<Json<Timeline>, Problem> {
    // A subject that nothing is known of has an empty timeline: which subjects exist is not ours to say.
    let items = store::timeline(&mut *app.database.acquire().await?, subject, ITEMS_MAX).await?;
    Ok(Json(Timeline { subject, items }))
}
