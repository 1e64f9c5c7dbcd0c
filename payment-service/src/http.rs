//! The route table; each endpoint has a module of its own.

mod get_payment;

use crate::app::App;
use axum::{Router, routing::get};

/// Returns the route table.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/payments/{order_id}", get(get_payment::get_payment))
        .with_state(app)
}
