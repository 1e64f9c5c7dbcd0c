//! The HTTP server of a service. It answers probes from the first moment, and everything else once the service is mounted.

use crate::{
    settings::Settings,
    status::{self, StatusPage},
};
use axum::{
    Extension, Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use kernel::{chain, context::Context};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer};
use tracing::Instrument;
use web::problem::{self, Problem};

/// Largest request body; an order of 50 lines has under 8 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Limit for the requests under way after the stop.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP server of a service, and the router that is mounted in it.
#[derive(Debug)]
pub(crate) struct HttpServer {
    mounted: OnceLock<(Router, Arc<StatusPage>)>,
    stop: CancellationToken,
    stopped: watch::Sender<bool>,
}

impl HttpServer {
    /// Starts serving probes.
    #[expect(clippy::disallowed_methods, reason = "`stopped` waits for the end of the task")]
    pub(crate) fn start(settings: &Settings, listener: TcpListener, stop: CancellationToken) -> Arc<Self> {
        let server = Arc::new(Self {
            mounted: OnceLock::new(),
            stop: stop.clone(),
            stopped: watch::Sender::new(false),
        });
        let router = Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .fallback(forward)
            .with_state(Arc::clone(&server))
            .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
            .layer(CatchPanicLayer::new())
            .layer(Extension(Arc::clone(&settings.identity)))
            .layer(Extension(Arc::clone(&settings.operator_token)))
            .layer(from_fn(problem::render));
        let started = Arc::clone(&server);
        tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
            let overdue = async {
                stop.cancelled().await;
                tokio::time::sleep(CLOSE_TIMEOUT).await;
            };
            tokio::select! {
                outcome = serving => if let Err(error) = outcome {
                    tracing::error!(error = chain(&error), "HTTP server failed");
                },
                () = overdue => tracing::warn!("Stopping with requests under way"),
            }
            started.stopped.send_replace(true);
        });
        server
    }

    /// Mounts the service's routes and its status page.
    pub(crate) fn mount(&self, routes: Router, page: StatusPage) {
        let page = Arc::new(page);
        let mounted = routes.merge(status::routes(Arc::clone(&page))).layer(from_fn(observe));
        if self.mounted.set((mounted, page)).is_err() {
            tracing::error!("A service was mounted twice");
        }
    }

    /// Waits until the server has ended.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as `self`, so the wait ends with the value.
        self.stopped.subscribe().wait_for(|stopped| *stopped).await.ok();
    }
}

async fn readyz(State(server): State<Arc<HttpServer>>) -> Response {
    match server.mounted.get() {
        _ if server.stop.is_cancelled() => Problem::unavailable("stopping", 5).into_response(),
        None => Problem::unavailable("starting: waiting for the database", 1).into_response(),
        Some((_, page)) => page.readiness().await,
    }
}

async fn forward(State(server): State<Arc<HttpServer>>, request: Request) -> Response {
    match server.mounted.get() {
        Some((router, _)) => router.clone().oneshot(request).await.into_response(),
        None => Problem::unavailable("the service is starting", 1).into_response(),
    }
}

/// Gives each request its span, its access log line and its metrics.
async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let correlation_id = request
        .extensions()
        .get::<Context>()
        .map(|context| context.correlation_id.clone());
    let span = tracing::info_span!("http", %method, route, correlation_id);
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16().to_string();
    if !route.starts_with("/internal") {
        let duration_ms = started.elapsed().as_millis();
        span.in_scope(|| tracing::info!(http.status = status, duration_ms, "Request answered"));
    }
    metrics::counter!("http_requests_total", "route" => route.clone(), "method" => method.to_string(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route).record(started.elapsed());
    response
}
