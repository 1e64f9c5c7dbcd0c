//! The route table.

mod change_product;
mod create_product;
mod get_product;
mod list_products;

use crate::app::App;
use axum::{Router, routing::get};
use change_product::change_product;
use create_product::create_product;
use get_product::get_product;
use list_products::list_products;

/// Returns the routes of the catalogue.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/products", get(list_products).post(create_product))
        .route("/api/products/{id}", get(get_product).patch(change_product))
        .with_state(app)
}
