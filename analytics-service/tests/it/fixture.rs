//! The service under test, and the events of the other services.
//!
//! The tests run on two threads: while one waits for the virtual host to be deleted, the other answers the broker, which
//! closes the connections first.

use analytics_service::{Config, MIGRATOR, assemble};
use chrono::{DateTime, Utc};
use messaging::Envelope;
use serde_json::{Value, json};
use testkit::{EventProbe, TestEnv, TestService, eventually};
use uuid::Uuid;
use web::identity::Role;

/// The service and its surroundings.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    pub(crate) probe: EventProbe,
    // Dropped last, since it deletes the database and the virtual host.
    pub(crate) env: TestEnv,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let env = TestEnv::new(&["analytics-queue"]).await;
        let probe = env.events().await;
        let service = start(&env).await;
        Self { service, probe, env }
    }

    /// Starts another instance of the service.
    pub(crate) async fn start_second(&self) -> TestService {
        start(&self.env).await
    }

    pub(crate) async fn publish(&self, event: &Envelope) {
        self.probe.publish(event).await;
    }

    /// Waits until `count` events are stored; fails if there are more.
    pub(crate) async fn wait_for_stored(&self, count: i64) {
        eventually(&format!("{count} events to be stored"), || async {
            let stored = self.number("select count(*) from events").await;
            assert!(stored <= count, "{stored} events are stored instead of {count}");
            (stored == count).then_some(())
        })
        .await;
    }

    /// Returns the number that a statement selects.
    pub(crate) async fn number(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&self.service.database)
            .await
            .unwrap()
    }

    pub(crate) async fn get_as(&self, role: Role, path: &str) -> (u16, Value) {
        let identity = self.env.identity(Uuid::from_u128(1), role);
        let answer = self.service.get(path, &identity).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Returns the answer to an administrator.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.get_as(Role::Admin, path).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

async fn start(env: &TestEnv) -> TestService {
    let config = TestEnv::config::<Config>(&[("RETENTION_DAYS", "30")]);
    env.start("analytics-service", &MIGRATOR, config, assemble).await
}

/// Returns an event that happened at `at`.
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
