//! `POST /internal/users/republish`: an operator wants every user told again, to rebuild projections.

use crate::{App, error::Error, republish, store};
use axum::{extract::State, http::StatusCode, response::IntoResponse};
use serde::Serialize;
use shared::{context::Context, extract::Json, identity::Operator};

/// How many users there were when it was asked for.
#[derive(Serialize)]
pub(super) struct Accepted {
    count: i64,
}

pub(super) async fn republish(
    State(app): State<App>,
    context: Context,
    _operator: Operator,
) -> Result<impl IntoResponse, Error> {
    let mut tx = app.database.begin(&context).await?;
    let count = store::users::count(&mut *tx).await?;
    republish::begin(&mut tx).await?;
    tx.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { count })))
}
