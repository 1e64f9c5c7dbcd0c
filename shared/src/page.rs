//! Cursor paging: `?cursor=&limit=` in, `{"items": […], "nextCursor": …}` out.

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The query of a listing. The cursor is the id of the last item of the page before (ids are in order of creation).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct PageQuery {
    /// Where the page before ended; absent for the first.
    pub cursor: Option<Uuid>,
    /// How many items at most, 1–100; 20 where absent.
    pub limit: Option<u32>,
}

/// One page of a listing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// At most as many as were asked for.
    pub items: Vec<T>,
    /// Pass it as `cursor` to go on; `null` on the last page.
    pub next_cursor: Option<Uuid>,
}

/// Items on a page when the caller does not say.
const LIMIT_DEFAULT: u32 = 20;
/// Items on a page at most.
const LIMIT_MAX: u32 = 100;

impl PageQuery {
    /// The limit to use; 400 if it is not 1–100.
    pub fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(Problem::bad_request(
                "limit-out-of-range",
                format!("limit must be between 1 and {LIMIT_MAX}"),
            )),
        }
    }
}

impl<T> Page<T> {
    /// The page of these items, read with `limit`: a full page may have a next one.
    pub fn of(items: Vec<T>, limit: u32, id: impl Fn(&T) -> Uuid) -> Self {
        let is_full = items.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next_cursor = items.last().filter(|_| is_full).map(id);
        Self { items, next_cursor }
    }
}
