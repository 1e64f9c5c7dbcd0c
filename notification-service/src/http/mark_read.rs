//! `POST /api/notifications/{id}/read`: the caller has read it. The first time counts; again changes nothing.

use crate::{App, error::Error, store, store::Notification};
use axum::extract::State;
use shared::{
    extract::{Json, Path},
    identity::Identity,
};
use uuid::Uuid;

pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    Path(id): Path<Uuid>,
) -> Result<Json<Notification>, Error> {
    let read = store::mark_read(
        &mut *app.database.acquire().await?,
        caller.user_id,
        id,
        shared::clock::now(),
    )
    .await?;
    read.map(Json).ok_or(Error::NotFound)
}
