//! The report of a service's state.

use super::section::{Section, read};
use crate::base::Base;
use axum::response::{IntoResponse, Response};
use database::{Database, Probe};
use http_client::ResilientHttpClient;
use messaging::{Relay, backlog, dead_letters, discard::Discards, jobs};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};
use tokio::time::Instant;
use uuid::Uuid;
use web::problem::Problem;

/// The sources of the report.
pub(crate) struct StatusPage {
    base: Base,
    probe: Probe,
    relay: Relay,
    discards: Discards,
    sections: Vec<(&'static str, Section)>,
    instance: Uuid,
    started: Instant,
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
    pub(crate) fn new(base: Base, relay: Relay, discards: Discards, sections: Vec<(&'static str, Section)>) -> Self {
        Self {
            probe: Probe::new(base.database.clone()),
            base,
            relay,
            discards,
            sections,
            instance: kernel::id::new(),
            started: Instant::now(),
        }
    }

    pub(super) fn database(&self) -> &Database {
        &self.base.database
    }

    pub(super) fn discards(&self) -> &Discards {
        &self.discards
    }

    /// Answers 200 if the database answers: the service can then answer requests, and the outbox takes its events. Readiness
    /// does not depend on the broker, neither at the start nor later: a consumer that is not subscribed lets messages wait in
    /// its queue, and no balancer can send them elsewhere.
    pub(crate) async fn readiness(&self) -> Response {
        readiness_with(self.probe.is_answered().await)
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
            "ready": readiness_with(reachable).status().is_success(),
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
            report["deadLetters"] = read("deadLetters", self.dead_letters()).await;
        }
        for (name, section) in &self.sections {
            report[*name] = section.read(name).await;
        }
        report
    }

    async fn dead_letters(&self) -> Result<Value, sqlx::Error> {
        let waiting = dead_letters::waiting(&self.base.database).await?;
        let letters: i64 = waiting.iter().map(|queue| queue.letters).sum();
        let ages: BTreeMap<_, _> = waiting
            .into_iter()
            .map(|queue| (queue.queue, queue.oldest_event_age_s))
            .collect();
        Ok(json!({ "waiting": letters, "oldestEventAgeS": ages }))
    }

    async fn outbox(&self) -> Value {
        let mut outbox = read("outbox", backlog(&self.base.database)).await;
        if outbox.is_object() {
            outbox["relay"] = json!(self.relay.report());
        }
        outbox
    }
}

fn readiness_with(database_reachable: bool) -> Response {
    if database_reachable {
        "ready\n".into_response()
    } else {
        Problem::unavailable("the database does not answer", 1).into_response()
    }
}
