//! `GET /api/analytics/timelines/{subject}`, for administrators: the events about one order or user, ordered by time.

use crate::{app::App, store, store::TimelineItem};
use axum::extract::State;
use serde::Serialize;
use uuid::Uuid;
use web::{
    extract::{Json, Path},
    identity::Admin,
    problem::Problem,
};

/// Limit of the events shown, of which the newest are kept. An order has a few dozen.
const ITEMS_MAX: i64 = 1_000;

#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    subject: Uuid,
    items: Vec<TimelineItem>,
}

pub(super) async fn get_subject_timeline(
    State(app): State<App>,
    _: Admin,
    Path(subject): Path<Uuid>,
) -> Result<Json<Timeline>, Problem> {
    // An unknown subject has an empty timeline, since this service does not know which subjects exist.
    let items = store::timeline(&mut *app.database.acquire().await?, subject, ITEMS_MAX).await?;
    Ok(Json(Timeline { subject, items }))
}
