//! The HTTP server of a service. It answers probes from the first moment, and everything else once assembled.

use super::{Base, Settings};
use crate::{
    context::Context,
    problem::{self, Problem},
    status::{self, StatusPage},
};
use axum::{
    Extension, Router,
    extract::{MatchedPath, Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer};
use tracing::Instrument;

/// The largest request body; an order of 50 lines has under 8 KiB.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Requests in hand have this long to finish after the stop.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The open door of a service: the server, and what it lets in.
#[derive(Debug)]
pub(crate) struct Door {
    inside: OnceLock<(Router, Arc<StatusPage>)>,
    stop: CancellationToken,
    closed: watch::Sender<bool>,
}

impl Door {
    /// Starts serving.
    #[expect(
        clippy::disallowed_methods,
        reason = "its end is seen and told to those who wait for it"
    )]
    pub(crate) fn open(base: &Base, settings: &Settings, listener: TcpListener, stop: CancellationToken) -> Arc<Self> {
        let door = Arc::new(Self {
            inside: OnceLock::new(),
            stop: stop.clone(),
            closed: watch::Sender::new(false),
        });
        let router = Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .fallback(enter)
            .with_state(Arc::clone(&door))
            .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
            .layer(CatchPanicLayer::new())
            .layer(Extension(Arc::clone(&settings.identity)))
            .layer(Extension(Arc::clone(&settings.operator_token)))
            .layer(from_fn(problem::render));
        let opened = Arc::clone(&door);
        let name = base.name;
        tokio::spawn(async move {
            let server = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
            let too_late = async {
                stop.cancelled().await;
                tokio::time::sleep(CLOSE_TIMEOUT).await;
            };
            tokio::select! {
                outcome = server => if let Err(error) = outcome {
                    tracing::error!(%error, "{name} stopped serving");
                },
                () = too_late => tracing::warn!("stopping with requests in hand"),
            }
            opened.closed.send_replace(true);
        });
        door
    }

    /// Lets requests in.
    pub(crate) fn admit(&self, routes: Router, page: StatusPage) {
        let page = Arc::new(page);
        let all = routes.merge(status::routes(Arc::clone(&page))).layer(from_fn(observe));
        if self.inside.set((all, page)).is_err() {
            tracing::error!("a service was assembled twice");
        }
    }

    /// Waits until the server has ended.
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        if closed.wait_for(|closed| *closed).await.is_err() {
            tracing::debug!("the server is gone");
        }
    }
}

async fn readyz(State(door): State<Arc<Door>>) -> Response {
    match door.inside.get() {
        _ if door.stop.is_cancelled() => Problem::unavailable("stopping", 5).into_response(),
        None => Problem::unavailable("starting: waiting for the database", 1).into_response(),
        Some((_, page)) => page.readiness().await,
    }
}

async fn enter(State(door): State<Arc<Door>>, request: Request) -> Response {
    match door.inside.get() {
        Some((router, _)) => router.clone().oneshot(request).await.into_response(),
        None => Problem::unavailable("the service is starting", 1).into_response(),
    }
}

/// Gives each request its span and its metrics.
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
        span.in_scope(|| tracing::info!(status, duration_ms = started.elapsed().as_millis(), "answered"));
    }
    metrics::counter!("http_requests_total", "route" => route.clone(), "method" => method.to_string(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_duration_seconds", "route" => route).record(started.elapsed());
    response
}
