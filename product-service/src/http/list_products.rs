//! `GET /api/products`, public: a page of the active products, or with `?ids=` a batch of any products.

use crate::{
    app::App,
    domain::{ids::ProductId, product::Product},
    error::Error,
    store,
};
use axum::extract::State;
use serde::Deserialize;
use uuid::Uuid;
use web::{
    extract::{Json, Query},
    page::{Page, PageQuery},
    problem::Problem,
};

const BATCH_IDS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    cursor: Option<Uuid>,
    limit: Option<u32>,
    /// Product ids, separated by commas.
    ids: Option<String>,
}

/// The two forms of the query.
#[derive(Debug)]
enum Listing {
    Page(PageQuery),
    Batch(Vec<ProductId>),
}

pub(super) async fn list_products(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Product>>, Problem> {
    let page = match Listing::try_from(query)? {
        Listing::Page(query) => {
            let fetch = async |after: Option<Uuid>, rows| {
                store::list(&mut *app.database.acquire().await?, after.map(ProductId::from), rows).await
            };
            Page::fetch(query, fetch, |product| product.id.uuid()).await?
        }
        Listing::Batch(ids) => Page {
            items: store::with_ids(&mut *app.database.acquire().await?, &ids).await?,
            next_cursor: None,
        },
    };
    Ok(Json(page))
}

impl TryFrom<ListQuery> for Listing {
    type Error = Error;

    fn try_from(query: ListQuery) -> Result<Self, Error> {
        let ListQuery { cursor, limit, ids } = query;
        let Some(ids) = ids else {
            let query = PageQuery { cursor, limit };
            let refused = |_| Error::InvalidQuery("limit must be between 1 and 100");
            return query.limit().map_err(refused).map(|_| Self::Page(query));
        };
        if cursor.is_some() || limit.is_some() {
            return Err(Error::InvalidQuery("ids goes with neither cursor nor limit"));
        }
        let ids: Result<Vec<ProductId>, _> = ids.split(',').map(str::parse).collect();
        let ids = ids.map_err(|_| Error::InvalidQuery("ids must be product ids with commas between them"))?;
        if ids.len() > BATCH_IDS_MAX {
            return Err(Error::InvalidQuery("ids must be at most 100"));
        }
        Ok(Self::Batch(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(cursor: Option<Uuid>, limit: Option<u32>, ids: Option<&str>) -> Result<Listing, Error> {
        let ids = ids.map(str::to_owned);
        Listing::try_from(ListQuery { cursor, limit, ids })
    }

    #[test]
    fn a_query_asks_for_a_page_or_for_a_batch() {
        let page = |cursor, limit| match listing(cursor, limit, None).unwrap() {
            Listing::Page(query) => (query.cursor, query.limit().unwrap()),
            Listing::Batch(ids) => panic!("a batch of {ids:?}"),
        };
        let id = Uuid::from_u128(7);
        assert_eq!(page(None, None), (None, 20));
        assert_eq!(page(Some(id), Some(100)), (Some(id), 100));
        let batch = listing(None, None, Some(&format!("{id},{id}"))).unwrap();
        assert!(matches!(batch, Listing::Batch(ids) if ids == [ProductId::from(id); 2]));
    }

    #[test]
    fn contradictory_and_oversized_queries_are_refused() {
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
                matches!(listing(cursor, limit, ids), Err(Error::InvalidQuery(_))),
                "{limit:?} {ids:?}"
            );
        }
    }
}
