//! `POST /internal/users/republish`: publishes `user.updated` for every user, on an operator's request.

use crate::{app::App, error::Error, republish, store};
use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kernel::context::Context;
use messaging::Tx;
use serde::Serialize;
use web::{extract::Json, identity::Operator};

#[derive(Serialize)]
pub(super) struct Accepted {
    /// Number of users at the time of the request.
    count: i64,
}

pub(super) async fn republish_users(
    State(app): State<App>,
    context: Context,
    _operator: Operator,
) -> Result<impl IntoResponse, Error> {
    let mut tx = Tx::begin(&app.database, &context).await?;
    let count = store::users::count(&mut *tx).await?;
    republish::enqueue(&mut tx).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { count })))
}
