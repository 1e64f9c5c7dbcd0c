//! `GET /api/notifications?cursor=&limit=`: the caller's notifications, newest first.

use crate::{
    app::App,
    domain::{NotificationId, UserId},
    store,
    store::Notification,
};
use axum::extract::State;
use uuid::Uuid;
use web::{
    extract::{Json, Query},
    identity::Identity,
    page::{Page, PageQuery},
    problem::Problem,
};

pub(super) async fn list_notifications(
    State(app): State<App>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Notification>>, Problem> {
    let user_id = UserId::from(caller.user_id);
    let fetch = async |before: Option<Uuid>, rows| {
        let before = before.map(NotificationId::from);
        store::list(&mut *app.database.acquire().await?, user_id, before, rows).await
    };
    let page = Page::fetch(query, fetch, |notification| notification.id.uuid()).await?;
    Ok(Json(page))
}
