//! Dead letters over HTTP, for operators.

use super::{page::StatusPage, reason::Reason};
use axum::extract::State;
use http::StatusCode;
use messaging::{
    Envelope,
    dead_letters::{self, DeadLetter, ResolveError},
};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;
use web::{
    extract::{Json, Path, Query},
    identity::Operator,
    page::{Page, PageQuery},
    problem::Problem,
};

/// The filter of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Filter {
    status: Option<String>,
    event_type: Option<String>,
    cursor: Option<Uuid>,
    limit: Option<u32>,
}

/// `GET /internal/dead-letters?status=waiting&eventType=&cursor=&limit=`, oldest first.
pub(super) async fn list(
    State(page): State<Arc<StatusPage>>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    let status = filter.status.as_deref().unwrap_or("waiting");
    if !["waiting", "replayed", "discarded"].contains(&status) {
        return Err(Problem::bad_request(
            "status-unknown",
            "status must be waiting, replayed or discarded",
        ));
    }
    let query = PageQuery {
        cursor: filter.cursor,
        limit: filter.limit,
    };
    let event_type = filter.event_type.as_deref();
    let letters = async |after, limit| dead_letters::list(page.database(), status, event_type, after, limit).await;
    Ok(Json(Page::fetch(query, letters, |letter| letter.id).await?))
}

/// `GET /internal/dead-letters/{id}`.
pub(super) async fn show(
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetter>, Problem> {
    let letter = dead_letters::get(page.database(), id).await?;
    letter.map(Json).ok_or_else(|| Problem::not_found("dead letter"))
}

/// The body of a replay.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// Corrected event with the same `eventId`; absent to replay the stored message.
    event: Option<Envelope>,
}

/// `POST /internal/dead-letters/{id}/replay` with `{}` or `{"event": {…}}`.
pub(super) async fn replay(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
    Json(replay): Json<Replay>,
) -> Result<StatusCode, Problem> {
    dead_letters::replay(page.database(), id, replay.event)
        .await
        .map_err(refused)?;
    tracing::info!(dead_letter.id = %id, "Dead letter replayed by an operator");
    Ok(StatusCode::ACCEPTED)
}

/// `POST /internal/dead-letters/{id}/discard` with `{"reason": "…"}`.
pub(super) async fn discard(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
    Json(reason): Json<Reason>,
) -> Result<StatusCode, Problem> {
    let reason = reason.checked()?;
    dead_letters::discard(page.database(), id, &reason)
        .await
        .map_err(refused)?;
    tracing::info!(dead_letter.id = %id, reason, "Dead letter discarded by an operator");
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: ResolveError) -> Problem {
    match error {
        ResolveError::NotFound => Problem::not_found("dead letter"),
        ResolveError::Resolved(_) | ResolveError::TooOld => Problem::conflict("not-replayable", error.to_string()),
        ResolveError::Body(_) => Problem::unprocessable("body-mismatch", error.to_string()),
        ResolveError::Database(error) => error.into(),
    }
}
