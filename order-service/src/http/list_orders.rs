//! `GET /api/orders?cursor=&limit=`

use super::order_body::{self, OrderBody};
use crate::{App, store};
use axum::extract::State;
use shared::{
    extract::{Json, Query},
    identity::Identity,
    page::{Page, PageQuery},
    problem::Problem,
};

/// The caller's own orders, newest first.
pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<OrderBody>>, Problem> {
    let limit = query.limit()?;
    let mut connection = app.database.acquire().await?;
    let orders = store::list(&mut *connection, caller.user_id, query.cursor, i64::from(limit)).await?;
    let orders = order_body::load(&mut connection, orders).await?;
    Ok(Json(Page::of(orders, limit, OrderBody::id)))
}
