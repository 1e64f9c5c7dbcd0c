//! `POST /api/orders/{id}/deliver`

use super::transition;
use crate::{App, domain::Input, error::Error};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use shared::{context::Context, extract::Path, identity::Admin};
use uuid::Uuid;

/// Marks a shipped order as arrived.
pub(super) async fn handle(
    State(app): State<App>,
    context: Context,
    _admin: Admin,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Response, Error> {
    transition::decide(&app, &context, &headers, id, None, Input::Deliver).await
}
