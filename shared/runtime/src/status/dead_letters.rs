//! Dead letters over HTTP, for operators: each route needs the operator token, since a message may hold customers' data.

use super::{
    listing::Filter,
    page::StatusPage,
    reason::{self, Reason},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use messaging::dead_letters::{self, BATCH_MAX, DeadLetter, LetterState, ResolveError, Selection};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;
use web::{
    extract::{Json, Path, Query},
    identity::Operator,
    page::Page,
    problem::Problem,
};

/// `GET /internal/dead-letters?status=waiting&eventType=&cursor=&limit=`, oldest first.
pub(super) async fn list(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<DeadLetter>>, Problem> {
    let letters = async |state, event_type: Option<String>, after, limit| {
        dead_letters::list(page.database(), state, event_type.as_deref(), after, limit).await
    };
    filter.page(LetterState::Waiting, letters, |letter| letter.id).await
}

/// `GET /internal/dead-letters/{id}`.
pub(super) async fn show(
    _: Operator,
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
    event: Option<Box<RawValue>>,
}

/// `POST /internal/dead-letters/{id}/replay` with `{}` or `{"event": {…}}`.
pub(super) async fn replay(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
    Json(replay): Json<Replay>,
) -> Result<StatusCode, Problem> {
    dead_letters::replay(page.database(), id, replay.event.as_deref())
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

/// The filters of a request for many dead letters, and why they are discarded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Many {
    event_type: Option<String>,
    reason_contains: Option<String>,
    before: Option<DateTime<Utc>>,
    limit: Option<i64>,
    reason: Option<String>,
}

impl Many {
    fn selection(self) -> Result<Selection, Problem> {
        if self.limit.is_some_and(|limit| !(1..=BATCH_MAX).contains(&limit)) {
            let detail = format!("limit must be 1 to {BATCH_MAX}");
            return Err(Problem::bad_request("limit-range", detail));
        }
        Ok(Selection {
            event_type: self.event_type,
            reason_contains: self.reason_contains,
            before: self.before,
            limit: self.limit,
        })
    }
}

/// The outcome of a request for many.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
pub(super) enum Resolved {
    #[serde(rename_all = "camelCase")]
    Replayed {
        replayed: i64,
        too_old: i64,
    },
    Discarded {
        discarded: i64,
    },
}

/// `POST /internal/dead-letters/replay` with `{"eventType", "reasonContains", "before", "limit"}`, all optional.
pub(super) async fn replay_many(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Json(many): Json<Many>,
) -> Result<Json<Resolved>, Problem> {
    if many.reason.is_some() {
        let detail = "a replay takes no reason; reasonContains selects by the reason of the failure";
        return Err(Problem::bad_request("reason-unexpected", detail));
    }
    let outcome = dead_letters::replay_all(page.database(), &many.selection()?).await?;
    let (replayed, too_old) = (outcome.replayed, outcome.too_old);
    tracing::info!(replayed, too_old, "Dead letters replayed by an operator");
    Ok(Json(Resolved::Replayed { replayed, too_old }))
}

/// `POST /internal/dead-letters/discard` with the same filters and `"reason": "…"`.
pub(super) async fn discard_many(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Json(mut many): Json<Many>,
) -> Result<Json<Resolved>, Problem> {
    let reason = many.reason.take().unwrap_or_default();
    reason::check(&reason)?;
    let discarded = dead_letters::discard_all(page.database(), &many.selection()?, &reason).await?;
    tracing::info!(discarded, %reason, "Dead letters discarded by an operator");
    Ok(Json(Resolved::Discarded { discarded }))
}

fn refused(error: ResolveError) -> Problem {
    match error {
        ResolveError::NotFound => Problem::not_found("dead letter"),
        ResolveError::Resolved(_) | ResolveError::TooOld => Problem::conflict("not-replayable", error.to_string()),
        ResolveError::Body(_) => Problem::unprocessable("body-mismatch", error.to_string()),
        ResolveError::Database(error) => error.into(),
    }
}
