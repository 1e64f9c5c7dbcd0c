//! `GET /api/orders?cursor=&limit=`

use super::order_body::{self, OrderBody};
use crate::{app::App, domain::UserId, error::Error, store};
use axum::extract::State;
use web::{
    extract::{Json, Query},
    identity::Identity,
    page::{Page, PageQuery},
    problem::Problem,
};

/// Answers with the caller's own orders, newest first.
pub(super) async fn list_orders(
    State(app): State<App>,
    caller: Identity,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<OrderBody>>, Problem> {
    let fetch = async |before, rows| {
        let mut connection = app.database.acquire().await?;
        let orders = store::list(&mut *connection, UserId::from(caller.user_id), before, rows).await?;
        order_body::load(&mut connection, orders).await
    };
    Ok(Json(Page::fetch::<Error>(query, fetch, OrderBody::id).await?))
}
