//! `GET /api/products`: anyone. A page of what is sold, or with `?ids=` a batch of any products.

use crate::{App, domain::product::Product, error::Error, store};
use axum::extract::State;
use serde::Deserialize;
use shared::{
    extract::{Json, Query},
    page::Page,
};
use uuid::Uuid;

const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    cursor: Option<Uuid>,
    limit: Option<u32>,
    /// Comma-separated.
    ids: Option<String>,
}

/// What a query asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Page { after: Option<Uuid>, limit: u32 },
    Batch(Vec<Uuid>),
}

pub(super) async fn handle(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Product>>, Error> {
    let (after, limit) = match wanted(query)? {
        Wanted::Page { after, limit } => (after, limit),
        Wanted::Batch(ids) => {
            let items = store::with_ids(&mut *app.database.acquire().await?, &ids).await?;
            return Ok(Json(Page {
                items,
                next_cursor: None,
            }));
        }
    };
    // One more than asked for tells whether there is a next page.
    let mut items = store::list(&mut *app.database.acquire().await?, after, i64::from(limit) + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|product| product.id);
    Ok(Json(Page { items, next_cursor }))
}

fn wanted(query: ListQuery) -> Result<Wanted, Error> {
    let Some(ids) = query.ids else {
        let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Error::InvalidQuery("limit must be between 1 and 100"));
        }
        return Ok(Wanted::Page {
            after: query.cursor,
            limit,
        });
    };
    if query.cursor.is_some() || query.limit.is_some() {
        return Err(Error::InvalidQuery("ids goes with neither cursor nor limit"));
    }
    let ids: Result<Vec<Uuid>, _> = ids.split(',').map(str::parse).collect();
    let ids = ids.map_err(|_| Error::InvalidQuery("ids must be product ids with commas between them"))?;
    if ids.len() > LIMIT_MAX as usize {
        return Err(Error::InvalidQuery("ids must be at most 100"));
    }
    Ok(Wanted::Batch(ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(cursor: Option<Uuid>, limit: Option<u32>, ids: Option<&str>) -> ListQuery {
        ListQuery {
            cursor,
            limit,
            ids: ids.map(str::to_owned),
        }
    }

    #[test]
    fn reads_pages_and_batches() {
        let id = Uuid::from_u128(7);
        assert_eq!(
            wanted(query(None, None, None)).unwrap(),
            Wanted::Page { after: None, limit: 20 }
        );
        assert_eq!(
            wanted(query(Some(id), Some(100), None)).unwrap(),
            Wanted::Page {
                after: Some(id),
                limit: 100
            }
        );
        assert_eq!(
            wanted(query(None, None, Some(&format!("{id},{id}")))).unwrap(),
            Wanted::Batch(vec![id, id])
        );
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let hundred_and_one = vec![Uuid::nil().to_string(); 101].join(",");
        for (cursor, limit, ids) in [
            (None, Some(0), None),
            (None, Some(101), None),
            (None, None, Some("")),
            (None, None, Some("cup")),
            (None, None, Some(hundred_and_one.as_str())),
            (None, Some(5), Some("00000000-0000-0000-0000-000000000000")),
            (Some(Uuid::nil()), None, Some("00000000-0000-0000-0000-000000000000")),
        ] {
            assert!(
                matches!(wanted(query(cursor, limit, ids)), Err(Error::InvalidQuery(_))),
                "{limit:?} {ids:?}"
            );
        }
    }
}
