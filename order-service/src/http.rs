//! The route table.

mod cancel_order;
mod change;
mod conditions;
mod deliver_order;
mod get_order;
mod get_timeline;
mod idempotency_key;
mod list_orders;
mod order_body;
mod place_order;
mod ship_order;

use crate::app::App;
use axum::{
    Router,
    routing::{get, post},
};

/// Largest request body in bytes: an order of 50 lines has about 5,000.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// Returns the routes, at the paths of the gateway.
pub fn routes(app: App) -> Router {
    Router::new()
        .route(
            "/api/orders",
            get(list_orders::list_orders).post(place_order::place_order),
        )
        .route("/api/orders/{id}", get(get_order::get_order))
        .route("/api/orders/{id}/timeline", get(get_timeline::get_timeline))
        .route("/api/orders/{id}/cancel", post(cancel_order::cancel_order))
        .route("/api/orders/{id}/ship", post(ship_order::ship_order))
        .route("/api/orders/{id}/deliver", post(deliver_order::deliver_order))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}
