//! `GET /api/notifications?cursor=&limit=`: the caller's own, newest first.

use crate::{App, error::Error, store, store::Notification};
use axum::extract::State;
use shared::{
    extract::{Json, Query},
    identity::Identity,
    page::{Page, PageQuery},
};

pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Notification>>, Error> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Error::LimitInvalid);
    }
    // One more than asked for tells whether there is a next page.
    let mut items = store::list(app.database.pool(), caller.user_id, query.cursor, i64::from(limit) + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.id);
    Ok(Json(Page { items, next_cursor }))
}
