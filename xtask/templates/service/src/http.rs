//! The route table; each endpoint has a module of its own.

mod __get_entity__;

use crate::app::App;
use __get_entity__::__get_entity__;
use axum::{Router, routing::get};

/// Returns the route table.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/api/__entities__/{id}", get(__get_entity__))
        .with_state(app)
}
