//! `POST /api/orders/{id}/deliver`

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

/// Marks a shipped order as delivered.
pub(super) async fn deliver_order(
    State(app): State<App>,
    context: Context,
    _admin: Admin,
    headers: HeaderMap,
    Path(id): Path<OrderId>,
) -> Result<Response, Error> {
    change::change(&app, &context, &headers, id, None, Input::Deliver).await
}
