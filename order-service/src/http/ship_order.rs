//! `POST /api/orders/{id}/ship`

use super::change;
use crate::{
    app::App,
    domain::{Input, OrderId},
    error::Error,
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use kernel::context::Context;
use web::{extract::Path, identity::Admin};

/// Ships a confirmed order.
pub(super) async fn ship_order(
    State(app): State<App>,
    context: Context,
    _admin: Admin,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Result<Response, Error> {
    change::change(&app, &context, &headers, id, None, Input::Ship).await
}
