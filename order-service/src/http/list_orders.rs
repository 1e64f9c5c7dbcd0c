//! `GET /api/orders?cursor=&limit=`

use super::order_body::{self, OrderBody};
use crate::{App, error::Error, store};
use axum::extract::State;
use shared::{
    extract::{Json, Query},
    identity::Identity,
    page::{Page, PageQuery},
};

const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;

/// The caller's own orders, newest first.
pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<OrderBody>>, Error> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Error::BadLimit);
    }
    let pool = app.database.pool();
    // One more than asked for tells whether there is a next page.
    let mut orders = store::list(pool, caller.user_id, query.cursor, i64::from(limit) + 1).await?;
    let has_more = orders.len() > limit as usize;
    orders.truncate(limit as usize);
    let next_cursor = orders.last().filter(|_| has_more).map(|order| order.id);
    Ok(Json(Page { items: order_body::load(pool, orders).await?, next_cursor }))
}
