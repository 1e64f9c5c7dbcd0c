//! `GET /api/orders/{id}/timeline`

use crate::{
    app::App,
    domain::{OrderId, UserId},
    error::Error,
    store::{
        self,
        timeline::{self, TimelineItem},
    },
};
use axum::extract::State;
use web::{
    extract::{Json, Path},
    identity::{Identity, Role},
    page::Page,
};

/// Most events of a timeline: an order has about ten, and the asks for a compensation slow down.
const EVENTS_MAX: i64 = 1000;

/// Answers the owner and administrators with the order's events as this service saw them.
pub(super) async fn get_timeline(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<OrderId>,
) -> Result<Json<Page<TimelineItem>>, Error> {
    let mut connection = app.database.acquire().await?;
    let owner = store::owner(&mut *connection, id).await?;
    if !owner.is_some_and(|owner| owner == UserId::from(caller.user_id) || caller.role == Role::Admin) {
        return Err(Error::NoSuchOrder);
    }
    let items = timeline::of_order(&mut *connection, id, app.database.service(), EVENTS_MAX).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}
