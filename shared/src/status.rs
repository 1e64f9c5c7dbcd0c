//! What operators see of a service: `/internal/status`, `/internal/metrics`, `/internal/dead-letters`, and readiness.

mod dead_letters;

use crate::{
    database::Probe,
    messaging::{self, health::ConsumerState, intents, outbox, relay::Relay},
    problem::Problem,
    service::Base,
    telemetry,
};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::time::Instant;
use uuid::Uuid;

/// Writes one section of the page.
pub(crate) type Section = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Value> + Send>> + Send + Sync>;

/// Everything that the page tells about.
pub(crate) struct StatusPage {
    base: Base,
    probe: Probe,
    relay: Relay,
    sections: Vec<(&'static str, Section)>,
    instance: Uuid,
    started: Instant,
    /// Queues whose consumer has worked once; only before that does a missing consumer make the service unready.
    consumed: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for StatusPage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StatusPage")
            .field("service", &self.base.name)
            .finish_non_exhaustive()
    }
}

/// The routes under `/internal` that every service has.
pub(crate) fn routes(page: Arc<StatusPage>) -> Router {
    Router::new()
        .route("/internal/status", get(show))
        .route("/internal/metrics", get(|| async { telemetry::render_metrics() }))
        .route("/internal/dead-letters", get(dead_letters::list))
        .route("/internal/dead-letters/{id}", get(dead_letters::show))
        .route("/internal/dead-letters/{id}/replay", post(dead_letters::replay))
        .route("/internal/dead-letters/{id}/discard", post(dead_letters::discard))
        .with_state(page)
}

async fn show(State(page): State<Arc<StatusPage>>) -> Json<Value> {
    Json(page.report().await)
}

impl StatusPage {
    pub(crate) fn new(base: Base, relay: Relay, sections: Vec<(&'static str, Section)>) -> Self {
        let consumed = Mutex::default();
        Self {
            probe: Probe::new(base.database.clone()),
            base,
            relay,
            sections,
            instance: crate::id::new(),
            started: Instant::now(),
            consumed,
        }
    }

    /// Ready: the database answers, and each consumer has worked since the start. A broker that goes away later does not
    /// make a service unready, since the outbox takes what it writes.
    pub(crate) async fn readiness(&self) -> Response {
        self.readiness_with(self.probe.is_answered().await)
    }

    fn readiness_with(&self, database_reachable: bool) -> Response {
        if !database_reachable {
            return Problem::unavailable("the database does not answer", 1).into_response();
        }
        let mut consumed = self.consumed.lock().unwrap_or_else(PoisonError::into_inner);
        for consumer in self.base.consumers() {
            let report = consumer.report();
            if report.state == ConsumerState::Consuming {
                consumed.insert(report.queue);
            } else if !consumed.contains(&report.queue) {
                let detail = format!("not consuming {} yet", report.queue);
                return Problem::unavailable(detail, 1).into_response();
            }
        }
        "ready\n".into_response()
    }

    async fn report(&self) -> Value {
        let reachable = self.probe.is_answered().await;
        let consumers: Vec<_> = self.base.consumers().iter().map(|consumer| consumer.report()).collect();
        let (publishing, consuming) = self.base.broker.status();
        let (connections, idle) = self.base.database.connections();
        let mut report = json!({
            "service": self.base.name,
            "version": env!("CARGO_PKG_VERSION"),
            "instance": self.instance,
            "uptimeS": self.started.elapsed().as_secs(),
            "ready": self.readiness_with(reachable).status().is_success(),
            "breakers": self.base.clients().iter().map(crate::http_client::ResilientHttpClient::status).collect::<Vec<_>>(),
            "consumer": consumers.first(),
            "broker": { "publishing": publishing, "consuming": consuming },
            "database": {
                "reachable": reachable,
                "connections": connections,
                "idle": idle,
            },
        });
        // Without the database these would only wait for it.
        if reachable {
            report["outbox"] = self.outbox().await;
            report["intents"] = in_words(intents::pending(&self.base.database).await);
            let waiting = messaging::dead_letters::waiting(&self.base.database).await;
            report["deadLetters"] = json!({ "waiting": in_words(waiting) });
        }
        for (name, section) in &self.sections {
            report[*name] = section().await;
        }
        report
    }

    async fn outbox(&self) -> Value {
        let mut outbox = in_words(outbox::backlog(&self.base.database).await);
        if outbox.is_object() {
            outbox["relay"] = json!(if self.relay.is_leading() { "leader" } else { "standby" });
        }
        outbox
    }
}

/// A failure to read a section stands in its place; its cause is in the log.
fn in_words<T: serde::Serialize>(read: Result<T, sqlx::Error>) -> Value {
    match read {
        Ok(value) => json!(value),
        Err(error) => {
            tracing::warn!(%error, "a section of the status page cannot be read");
            json!("unreadable")
        }
    }
}
