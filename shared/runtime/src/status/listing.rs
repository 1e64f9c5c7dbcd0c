//! Listings of rows by state and kind, for operators.

use kernel::UnknownText;
use serde::Deserialize;
use std::str::FromStr;
use uuid::Uuid;
use web::{
    extract::Json,
    page::{Page, PageQuery},
    problem::Problem,
};

/// The filter of a listing. Dead letters call state and kind `status` and `eventType`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(alias = "status")]
    state: Option<String>,
    #[serde(alias = "eventType")]
    kind: Option<String>,
    cursor: Option<Uuid>,
    limit: Option<u32>,
}

impl Filter {
    /// Fetches a page: `fetch(state, kind, after, rows)` returns rows of the state, oldest first; `default` is the state where the
    /// filter names none.
    pub(super) async fn page<S: FromStr<Err = UnknownText>, T>(
        self,
        default: S,
        fetch: impl AsyncFnOnce(S, Option<String>, Option<Uuid>, i64) -> Result<Vec<T>, sqlx::Error>,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Json<Page<T>>, Problem> {
        let state = self.state.map_or(Ok(default), |text| text.parse());
        let state = state.map_err(|error| Problem::bad_request("state-unknown", error.to_string()))?;
        let query = PageQuery {
            cursor: self.cursor,
            limit: self.limit,
        };
        let rows = async |after, limit| fetch(state, self.kind, after, limit).await;
        Ok(Json(Page::fetch(query, rows, id).await?))
    }
}
