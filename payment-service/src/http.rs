//! The routes.

mod get_payment;

use crate::App;
use axum::{Router, routing::get};

/// The route table.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/payments/{order_id}", get(get_payment::handle))
        .with_state(app)
}
