//! `GET /api/notifications?cursor=&limit=`: the caller's own, newest first.

use crate::{App, store, store::Notification};
use axum::extract::State;
use shared::{
    extract::{Json, Query},
    identity::Identity,
    page::{Page, PageQuery},
    problem::Problem,
};

pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Notification>>, Problem> {
    let limit = query.limit()?;
    // One more than asked for tells whether there is a next page.
    let mut items = store::list(
        &mut *app.database.acquire().await?,
        caller.user_id,
        query.cursor,
        i64::from(limit) + 1,
    )
    .await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.id);
    Ok(Json(Page { items, next_cursor }))
}
