//! `GET /api/orders/{id}/timeline`

use crate::{
    App,
    error::Error,
    store::{
        self,
        timeline::{self, TimelineItem},
    },
};
use axum::extract::State;
use shared::{
    extract::{Json, Path},
    identity::{Identity, Role},
    page::Page,
};
use uuid::Uuid;

/// Enough for the longest journey: an order has about ten events, and asking again for a compensation slows down.
const EVENTS_MAX: i64 = 1000;

/// The order's journey as this service saw it, to its owner and to administrators.
pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Page<TimelineItem>>, Error> {
    let mut connection = app.database.acquire().await?;
    let owner = store::owner(&mut *connection, id).await?;
    if !owner.is_some_and(|owner| owner == caller.user_id || caller.role == Role::Admin) {
        return Err(Error::NoSuchOrder);
    }
    let items = timeline::of_order(&mut *connection, id, app.database.source(), EVENTS_MAX).await?;
    Ok(Json(Page {
        items,
        next_cursor: None,
    }))
}
