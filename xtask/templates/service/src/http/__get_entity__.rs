//! `GET /api/__entities__/{id}`, for admins.

use crate::{
    app::App,
    domain::{__EntityId__, __SubjectId__},
    store::{self, __Entity__},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use web::{
    extract::{Json, Path},
    identity::Admin,
    problem::Problem,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct __Entity__Json {
    __entity_id__: __EntityId__,
    __subject_id__: __SubjectId__,
    created_at: DateTime<Utc>,
}

pub(super) async fn __get_entity__(
    State(app): State<App>,
    _admin: Admin,
    Path(id): Path<__EntityId__>,
) -> Result<Json<__Entity__Json>, Problem> {
    let found = store::find(&mut *app.database.acquire().await?, id).await?;
    let row = found.ok_or_else(|| Problem::not_found("__entity__"))?;
    Ok(Json(__Entity__Json::from(row)))
}

impl From<__Entity__> for __Entity__Json {
    fn from(row: __Entity__) -> Self {
        Self {
            __entity_id__: row.id,
            __subject_id__: row.__subject_id__,
            created_at: row.created_at,
        }
    }
}
