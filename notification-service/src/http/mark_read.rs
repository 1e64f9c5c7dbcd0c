//! `POST /api/notifications/{id}/read`: marks the caller's notification as read. Later calls keep the time of the first.

use crate::{
    app::App,
    domain::{NotificationId, UserId},
    store,
    store::Notification,
};
use axum::extract::State;
use kernel::clock;
use web::{
    extract::{Json, Path},
    identity::Identity,
    problem::Problem,
};

pub(super) async fn mark_read(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<NotificationId>,
) -> Result<Json<Notification>, Problem> {
    let user_id = UserId::from(caller.user_id);
    let read = store::mark_read(&mut *app.database.acquire().await?, user_id, id, clock::now()).await?;
    read.map(Json).ok_or_else(|| Problem::not_found("notification"))
}
