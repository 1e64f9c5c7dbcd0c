//! Dead letters over HTTP, for operators.

use super::StatusPage;
use crate::{
    extract::{Json, Path, Query},
    identity::Operator,
    messaging::{
        dead_letters::{self, DeadLetter, ResolveError},
        envelope::Envelope,
    },
    page::Page,
    problem::Problem,
};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const REASON_CHARS_MAX: usize = 500;

/// Which dead letters to list.
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
    let range = crate::page::PageQuery {
        cursor: filter.cursor,
        limit: filter.limit,
    };
    let limit = range.limit()?;
    let items = dead_letters::list(&page.base.database, status, filter.event_type.as_deref(), range).await?;
    Ok(Json(Page::of(items, limit, |letter| letter.id)))
}

/// `GET /internal/dead-letters/{id}`.
pub(super) async fn show(
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeadLetter>, Problem> {
    let letter = dead_letters::get(&page.base.database, id).await?;
    letter.map(Json).ok_or_else(|| Problem::not_found("dead letter"))
}

/// What to replay instead of the stored message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// The corrected event, of the same `eventId`.
    event: Option<Envelope>,
}

/// `POST /internal/dead-letters/{id}/replay` with `{}` or `{"event": {…}}`.
pub(super) async fn replay(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
    Json(replay): Json<Replay>,
) -> Result<StatusCode, Problem> {
    dead_letters::replay(&page.base.database, id, replay.event).await?;
    tracing::info!(dead_letter = %id, "an operator replays a dead letter");
    Ok(StatusCode::ACCEPTED)
}

/// Why it is given up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    reason: String,
}

/// `POST /internal/dead-letters/{id}/discard` with `{"reason": "…"}`.
pub(super) async fn discard(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
    Json(discard): Json<Discard>,
) -> Result<StatusCode, Problem> {
    if !(1..=REASON_CHARS_MAX).contains(&discard.reason.chars().count()) {
        let detail = format!("say why, in 1 to {REASON_CHARS_MAX} characters");
        return Err(Problem::bad_request("reason-length", detail));
    }
    dead_letters::discard(&page.base.database, id, &discard.reason).await?;
    tracing::info!(dead_letter = %id, reason = %discard.reason, "an operator discards a dead letter");
    Ok(StatusCode::NO_CONTENT)
}

impl From<ResolveError> for Problem {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::NotFound => Self::not_found("dead letter"),
            ResolveError::Resolved(_) | ResolveError::TooOld => Self::conflict("not-replayable", error.to_string()),
            ResolveError::Body(_) => Self::unprocessable("body-mismatch", error.to_string()),
            ResolveError::Database(error) => error.into(),
        }
    }
}
