//! `POST /api/orders/{id}/cancel`

use super::transition;
use crate::{App, domain::Input, error::Error};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use shared::{context::Context, extract::Path, identity::Identity};
use uuid::Uuid;

/// Takes the caller's own order back, as long as it is not shipped.
pub(super) async fn handle(
    State(app): State<App>,
    context: Context,
    caller: Identity,
    headers: HeaderMap,
    Path(id): Path<Uuid>,
) -> Result<Response, Error> {
    transition::decide(&app, &context, &headers, id, Some(caller.user_id), Input::Cancel).await
}
