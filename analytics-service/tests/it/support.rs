//! The service under test, and what is asked of it.
//!
//! The tests run on two threads: while one waits for the virtual host to be deleted, the other answers the broker, which
//! closes the connections first.

use analytics_service::{Config, MIGRATOR, assemble};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::{
    identity::Role,
    messaging::envelope::Envelope,
    testing::{EventProbe, TestBed, TestService, eventually},
};
use uuid::Uuid;

/// A service, and one who publishes what the other services would.
pub(crate) struct World {
    pub(crate) service: TestService,
    pub(crate) probe: EventProbe,
    // Last: it takes database and virtual host away from all that is dropped before it.
    pub(crate) bed: TestBed,
}

impl World {
    pub(crate) async fn new() -> Self {
        let bed = TestBed::new(&["analytics-queue"]).await;
        let probe = bed.events().await;
        let service = start(&bed).await;
        Self { service, probe, bed }
    }

    /// Another instance of the same service.
    pub(crate) async fn second_instance(&self) -> TestService {
        start(&self.bed).await
    }

    /// Waits until `count` events are stored; fails if there are more.
    pub(crate) async fn stored(&self, count: i64) {
        eventually(&format!("{count} events to be stored"), || async {
            let stored = self.number("select count(*) from events").await;
            assert!(
                stored <= count,
                "{stored} events are stored, and there are only {count}"
            );
            (stored == count).then_some(())
        })
        .await;
    }

    /// What a statement that asks for one number gives.
    pub(crate) async fn number(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.service.database)
            .await
            .unwrap()
    }

    pub(crate) async fn get_as(&self, role: Role, path: &str) -> (u16, Value) {
        let identity = self.bed.identity(Uuid::from_u128(1), role);
        let answer = self.service.get(path, &identity).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// What an admin is answered.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.get_as(Role::Admin, path).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

async fn start(bed: &TestBed) -> TestService {
    let config = TestBed::config(Config::from_env, &[("RETENTION_DAYS", "30")]);
    bed.start("analytics-service", &MIGRATOR, config, assemble).await
}

/// An event that happened at `at`.
pub(crate) fn event(event_type: &str, subject: Uuid, sequence: i64, at: DateTime<Utc>) -> Envelope {
    let mut event = EventProbe::event(
        "order-service",
        event_type,
        subject,
        sequence,
        &json!({ "step": sequence }),
    );
    event.metadata.timestamp = at;
    event
}

pub(crate) fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
