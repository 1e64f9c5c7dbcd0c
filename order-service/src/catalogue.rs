//! The catalogue of product-service: current prices.

use crate::domain::{ProductId, basket::Price};
use http_client::{Answer, CallError, ResilientHttpClient};
use kernel::context::Context;
use serde::Deserialize;
use std::collections::HashMap;

/// The client of product-service. It caches nothing: a price is never stale.
#[derive(Debug, Clone)]
pub struct Catalogue {
    client: ResilientHttpClient,
}

/// A failure to look up prices.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("product-service is unavailable")]
    Call(#[from] CallError),
    /// The answer is no catalogue.
    #[error("product-service gave no usable answer (status {status})")]
    Unusable {
        /// HTTP status of the answer.
        status: u16,
    },
}

#[derive(Debug, Deserialize)]
struct ProductsView {
    items: Vec<ProductView>,
}

/// The view of a product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProductView {
    id: ProductId,
    price_minor: i64,
    currency: String,
    active: bool,
}

impl Catalogue {
    /// Creates the catalogue behind `client`.
    pub fn new(client: ResilientHttpClient) -> Self {
        Self { client }
    }

    /// Returns the prices of those of the products that are on sale.
    pub async fn prices(
        &self,
        context: &Context,
        ids: &[ProductId],
    ) -> Result<HashMap<ProductId, Price>, CatalogueError> {
        let ids = ids.iter().map(ProductId::to_string).collect::<Vec<_>>().join(",");
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

fn read(answer: &Answer) -> Option<HashMap<ProductId, Price>> {
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
