//! The operators' port: probes, metrics, one status document about all services, and a page that shows it.

mod status;

use crate::state::Gateway;
use axum::{
    Router,
    extract::State,
    http::header,
    middleware,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use web::{
    extract::Json,
    problem::{self, Problem},
};

pub use status::Services;

const DASHBOARD: &str = include_str!("dashboard.html");
const DASHBOARD_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
                                connect-src 'self'; frame-ancestors 'none'";

/// The sources of the operators' port.
#[derive(Clone)]
pub struct Operators {
    gateway: Arc<Gateway>,
    services: Arc<Services>,
    stop: CancellationToken,
}

impl Operators {
    /// Creates the sources; `stop` ends the public port.
    pub fn new(gateway: Arc<Gateway>, services: Services, stop: CancellationToken) -> Self {
        Self {
            gateway,
            services: Arc::new(services),
            stop,
        }
    }

    /// Returns true if tokens can be checked and no stop is under way. Redis may be unavailable for a while.
    fn is_ready(&self) -> bool {
        !self.stop.is_cancelled() && self.gateway.keys.has_keys()
    }
}

/// Returns the routes of the port.
pub fn routes(operators: Operators) -> Router {
    Router::new()
        .route("/", get(dashboard))
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readiness))
        .route("/internal/status", get(report))
        .route(
            "/internal/metrics",
            get(|| async { runtime::telemetry::render_metrics() }),
        )
        .layer(middleware::from_fn(problem::render))
        .with_state(operators)
}

async fn dashboard() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, DASHBOARD_POLICY)], Html(DASHBOARD))
}

async fn readiness(State(operators): State<Operators>) -> Response {
    if operators.is_ready() {
        return "ready\n".into_response();
    }
    Problem::unavailable("stopping, or user-service has not given its keys yet", 1).into_response()
}

async fn report(State(operators): State<Operators>) -> Json<Value> {
    let mut report = status::of_gateway(&operators.gateway, operators.is_ready());
    report["services"] = operators.services.report().await;
    Json(report)
}
