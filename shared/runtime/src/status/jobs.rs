//! Open jobs over HTTP, for operators.

use super::{listing::Filter, page::StatusPage, reason::Reason};
use axum::extract::State;
use http::StatusCode;
use messaging::{
    discard,
    jobs::{self, JobRecord, OpenState, ResolveError},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;
use web::{
    extract::{Json, Path, Query},
    identity::Operator,
    page::Page,
    problem::Problem,
};

/// `GET /internal/jobs?state=parked&kind=&cursor=&limit=`, oldest first.
pub(super) async fn list(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<JobRecord>>, Problem> {
    let open = async |state, kind: Option<String>, after, limit| {
        jobs::list(page.database(), state, kind.as_deref(), after, limit).await
    };
    filter.page(OpenState::Parked, open, |job| job.id).await
}

/// `GET /internal/jobs/{id}`.
pub(super) async fn show(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
) -> Result<Json<JobRecord>, Problem> {
    let job = jobs::get(page.database(), id).await?;
    job.map(Json).ok_or_else(|| Problem::not_found("job"))
}

/// `POST /internal/jobs/{id}/retry`: makes a parked or postponed job due now.
pub(super) async fn retry(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    jobs::retry(page.database(), id).await.map_err(refused)?;
    tracing::info!(job.id = %id, "Job retried by an operator");
    Ok(StatusCode::ACCEPTED)
}

/// The body of a retry of all jobs of a kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryAll {
    kind: String,
}

/// The answer to it.
#[derive(Debug, Serialize)]
pub(super) struct Retried {
    /// Number of jobs that are due now.
    retried: u64,
}

/// `POST /internal/jobs/retry` with `{"kind": "…"}`: makes all of them due now that are parked or postponed.
pub(super) async fn retry_all(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Json(RetryAll { kind }): Json<RetryAll>,
) -> Result<(StatusCode, Json<Retried>), Problem> {
    let retried = jobs::retry_all(page.database(), &kind).await?;
    tracing::info!(job.kind = %kind, retried, "Jobs retried by an operator");
    Ok((StatusCode::ACCEPTED, Json(Retried { retried })))
}

/// `POST /internal/jobs/{id}/discard` with `{"reason": "…"}`: ends a parked job without an outcome. Refused where
/// something waits for the outcome.
pub(super) async fn discard(
    _: Operator,
    State(page): State<Arc<StatusPage>>,
    Path(id): Path<Uuid>,
    Json(reason): Json<Reason>,
) -> Result<StatusCode, Problem> {
    let reason = reason.checked()?;
    discard::discard(page.database(), page.discards(), id, &reason)
        .await
        .map_err(refused)?;
    tracing::info!(job.id = %id, reason, "Job discarded by an operator");
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: ResolveError) -> Problem {
    match error {
        ResolveError::NotFound => Problem::not_found("job"),
        ResolveError::State(_) => Problem::conflict("job-state", error.to_string()),
        ResolveError::Needed(_) => Problem::conflict("job-needed", error.to_string()),
        ResolveError::NotNow(_) => Problem::unavailable(error.to_string(), 1).caused_by(error),
        ResolveError::Database(error) => error.into(),
    }
}
