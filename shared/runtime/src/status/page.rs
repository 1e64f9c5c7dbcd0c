//! The report of a service's state.

use super::section::{Section, read};
use crate::base::Base;
use axum::response::{IntoResponse, Response};
use database::{Database, Probe};
use http_client::ResilientHttpClient;
use messaging::{Relay, backlog, dead_letters, health::ConsumerState, jobs};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError},
};
use tokio::time::Instant;
use uuid::Uuid;
use web::problem::Problem;

/// The sources of the report.
pub(crate) struct StatusPage {
    base: Base,
    probe: Probe,
    relay: Relay,
    sections: Vec<(&'static str, Section)>,
    instance: Uuid,
    started: Instant,
    /// Queues whose consumer has consumed once; only before that does a missing consumer make the service unready.
    consumed: Mutex<HashSet<String>>,
}

impl fmt::Debug for StatusPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StatusPage")
            .field("service", &self.base.program.name)
            .finish_non_exhaustive()
    }
}

impl StatusPage {
    pub(crate) fn new(base: Base, relay: Relay, sections: Vec<(&'static str, Section)>) -> Self {
        let consumed = Mutex::default();
        Self {
            probe: Probe::new(base.database.clone()),
            base,
            relay,
            sections,
            instance: kernel::id::new(),
            started: Instant::now(),
            consumed,
        }
    }

    pub(super) fn database(&self) -> &Database {
        &self.base.database
    }

    /// Answers 200 if the database answers and each consumer has consumed since the start. A broker that becomes unavailable
    /// later does not make a service unready, since the outbox takes its events.
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

    /// Reads the whole report.
    pub(super) async fn report(&self) -> Value {
        let reachable = self.probe.is_answered().await;
        let consumers: Vec<_> = self.base.consumers().iter().map(|consumer| consumer.report()).collect();
        let (publishing, consuming) = self.base.broker.status();
        let (connections, idle) = self.base.database.connections();
        let mut report = json!({
            "service": self.base.program.name,
            "version": self.base.program.version,
            "instance": self.instance,
            "uptimeS": self.started.elapsed().as_secs(),
            "ready": self.readiness_with(reachable).status().is_success(),
            "breakers": self.base.clients().iter().map(ResilientHttpClient::status).collect::<Vec<_>>(),
            "consumer": consumers.first(),
            "broker": { "publishing": publishing, "consuming": consuming },
            "database": {
                "reachable": reachable,
                "connections": connections,
                "idle": idle,
            },
        });
        // These read the database, and would only wait for it.
        if reachable {
            report["outbox"] = self.outbox().await;
            report["intents"] = read("intents", jobs::pending(&self.base.database)).await;
            let waiting = read("deadLetters", dead_letters::waiting(&self.base.database)).await;
            report["deadLetters"] = json!({ "waiting": waiting });
        }
        for (name, section) in &self.sections {
            report[*name] = section.read(name).await;
        }
        report
    }

    async fn outbox(&self) -> Value {
        let mut outbox = read("outbox", backlog(&self.base.database)).await;
        if outbox.is_object() {
            outbox["relay"] = json!(self.relay.report());
        }
        outbox
    }
}
