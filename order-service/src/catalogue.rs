//! What product-service says, in our words: what does a product cost now?

use crate::domain::basket::Price;
use serde::Deserialize;
use shared::{
    context::Context,
    http_client::{Answer, CallError, ResilientHttpClient},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Asks product-service. Nothing is kept: a price is never stale.
#[derive(Debug, Clone)]
pub struct Catalogue {
    client: ResilientHttpClient,
}

/// Prices could not be learned.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The call failed.
    #[error("product-service is away")]
    Call(#[from] CallError),
    /// It answered something that is no catalogue.
    #[error("product-service gave no usable answer (status {status})")]
    Unusable {
        /// The status of the answer.
        status: u16,
    },
}

#[derive(Debug, Deserialize)]
struct ProductsView {
    items: Vec<ProductView>,
}

/// The part of a product that is of interest here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProductView {
    id: Uuid,
    price_minor: i64,
    currency: String,
    active: bool,
}

impl Catalogue {
    /// A catalogue behind `client`.
    pub fn new(client: ResilientHttpClient) -> Self {
        Self { client }
    }

    /// The prices of those of the products that are on sale.
    pub async fn prices(&self, context: &Context, ids: &[Uuid]) -> Result<HashMap<Uuid, Price>, CatalogueError> {
        let ids = ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
        let answer = self
            .client
            .get("/api/products")
            .query(&[("ids", ids.as_str())])
            .context(context)
            .send()
            .await?;
        read(&answer).ok_or(CatalogueError::Unusable {
            status: answer.status.as_u16(),
        })
    }
}

fn read(answer: &Answer) -> Option<HashMap<Uuid, Price>> {
    if answer.status.as_u16() != 200 {
        return None;
    }
    let products = answer.json::<ProductsView>().ok()?.items;
    if products
        .iter()
        .any(|product| product.price_minor < 0 || !is_currency(&product.currency))
    {
        return None;
    }
    let on_sale = products.into_iter().filter(|product| product.active);
    let price = |product: ProductView| Price {
        unit_price_minor: product.price_minor,
        currency: product.currency,
    };
    Some(on_sale.map(|product| (product.id, price(product))).collect())
}

fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
