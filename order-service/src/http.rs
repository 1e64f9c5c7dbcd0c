//! The routes.

mod cancel_order;
mod conditions;
mod deliver_order;
mod get_order;
mod get_timeline;
mod idempotency_key;
mod list_orders;
mod order_body;
mod place_order;
mod ship_order;
mod transition;

use crate::App;
use axum::{
    Router,
    routing::{get, post},
};

/// Larger than any order that is allowed: 50 lines of about 100 bytes.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// All public routes of this service, at the paths that the gateway shows.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/orders", get(list_orders::handle).post(place_order::handle))
        .route("/api/orders/{id}", get(get_order::handle))
        .route("/api/orders/{id}/timeline", get(get_timeline::handle))
        .route("/api/orders/{id}/cancel", post(cancel_order::handle))
        .route("/api/orders/{id}/ship", post(ship_order::handle))
        .route("/api/orders/{id}/deliver", post(deliver_order::handle))
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}
