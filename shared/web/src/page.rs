//! Cursor paging: `?cursor=&limit=` in, `{"items": […], "nextCursor": …}` out.

use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The query of a listing. The cursor is the id of the last item of the page before (ids ascend in order of creation).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct PageQuery {
    /// End of the page before; absent for the first page.
    pub cursor: Option<Uuid>,
    /// Most items on the page, 1–100; 20 where absent.
    pub limit: Option<u32>,
}

/// One page of a listing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, at most as many as the limit.
    pub items: Vec<T>,
    /// Cursor of the next page; `null` on the last page.
    pub next_cursor: Option<Uuid>,
}

/// Items on a page when the query has no limit.
const LIMIT_DEFAULT: u32 = 20;
/// Highest limit of a query.
const LIMIT_MAX: u32 = 100;

impl PageQuery {
    /// Returns the limit to use; 400 if it is not 1–100.
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
    /// Fetches a page: `fetch(after, rows)` returns the items after the id `after`, at most `rows`, of which there is one more
    /// than the page holds; that one tells whether there is a next page.
    pub async fn fetch<E>(
        query: PageQuery,
        fetch: impl AsyncFnOnce(Option<Uuid>, i64) -> Result<Vec<T>, E>,
        id: impl Fn(&T) -> Uuid,
    ) -> Result<Self, Problem>
    where
        Problem: From<E>,
    {
        let limit = query.limit()?;
        let mut items = fetch(query.cursor, i64::from(limit) + 1).await?;
        let has_next = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor = items.last().filter(|_| has_next).map(id);
        Ok(Self { items, next_cursor })
    }

    /// Converts each item.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next_cursor: self.next_cursor,
        }
    }
}
