//! The routes.

mod change_product;
mod create_product;
mod get_product;
mod list_products;

use crate::App;
use axum::{Router, routing::get};

/// The route table.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/products", get(list_products::handle).post(create_product::handle))
        .route(
            "/api/products/{id}",
            get(get_product::handle).patch(change_product::handle),
        )
        .with_state(app)
}
