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
    let pool = app.database.pool();
    let orders = store::list(pool, caller.user_id, query.cursor, i64::from(limit)).await?;
    let orders = order_body::load(pool, orders).await?;
    Ok(Json(Page::of(orders, limit, OrderBody::id)))
}
