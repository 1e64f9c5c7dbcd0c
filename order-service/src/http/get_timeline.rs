//! `GET /api/orders/{id}/timeline`

use crate::{
    app::App,
    domain::{OrderId, UserId},
    error::Error,
    published::OrderPlaced,
    store::{
        self,
        timeline::{self, TimelineItem},
    },
};
use axum::extract::State;
use messaging::Event;
use serde::Serialize;
use uuid::Uuid;
use web::{
    extract::{Json, Path},
    identity::{Identity, Role},
};

/// Most events of a timeline: an order has about ten, and the asks for a compensation slow down.
const EVENTS_MAX: i64 = 1000;

/// The events of an order, on one page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timeline {
    items: Vec<TimelineItem>,
    next_cursor: Option<Uuid>,
    /// False if events are missing at the beginning: `order.placed` and what follows are kept as long as messaging keeps them.
    complete: bool,
}

/// Answers the owner and administrators with the order's events as this service saw them.
pub(super) async fn get_timeline(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<OrderId>,
) -> Result<Json<Timeline>, Error> {
    let mut connection = app.database.acquire().await?;
    let owner = store::owner(&mut *connection, id).await?;
    if !owner.is_some_and(|owner| owner == UserId::from(caller.user_id) || caller.role == Role::Admin) {
        return Err(Error::NoSuchOrder);
    }
    let items = timeline::of_order(&mut *connection, id, app.database.service(), EVENTS_MAX).await?;
    Ok(Json(Timeline {
        complete: items.iter().any(|item| item.r#type == OrderPlaced::TYPE),
        items,
        next_cursor: None,
    }))
}
