//! `POST /api/orders/{id}/cancel`

use super::change;
use crate::{
    app::App,
    domain::{Input, OrderId, UserId},
    error::Error,
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use kernel::context::Context;
use web::{extract::Path, identity::Identity};

/// Cancels the caller's own order, as long as it is not shipped.
pub(super) async fn cancel_order(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Result<Response, Error> {
    change::change(
        &app,
        &context,
        &headers,
        id,
        Some(UserId::from(caller.user_id)),
        Input::Cancel,
    )
    .await
}
