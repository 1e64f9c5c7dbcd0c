//! `GET /api/orders/{id}`

use super::{conditions, order_body};
use crate::{
    app::App,
    domain::{OrderId, UserId},
    error::Error,
    store,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::ETAG};
use web::{extract::Path, identity::Identity};

/// Answers with the caller's own order; 304 if the client has this version.
pub(super) async fn get_order(
    State(app): State<App>,
    caller: Identity,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Result<Response, Error> {
    let mut connection = app.database.acquire().await?;
    let order = store::find(&mut *connection, id, UserId::from(caller.user_id))
        .await?
        .ok_or(Error::NoSuchOrder)?;
    let tag = order_body::etag(&order);
    if conditions::is_known(&headers, &tag)? {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    order_body::answer(&mut connection, order).await
}
