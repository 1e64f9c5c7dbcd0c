//! `GET /api/orders/{id}`

use super::{conditions, order_body};
use crate::{App, error::Error, store};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::ETAG};
use shared::{extract::Path, identity::Identity};
use uuid::Uuid;

/// The order, to its owner; 304 to one who has it already.
pub(super) async fn handle(
    State(app): State<App>,
    caller: Identity,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Response, Error> {
    let mut connection = app.database.acquire().await?;
    let order = store::find(&mut *connection, id, caller.user_id)
        .await?
        .ok_or(Error::NoSuchOrder)?;
    let tag = order_body::etag(&order);
    if conditions::is_known(&headers, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    order_body::answer(&mut connection, order).await
}
