//! Cursor paging: `?cursor=&limit=` in, `{"items": […], "nextCursor": …}` out.

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
