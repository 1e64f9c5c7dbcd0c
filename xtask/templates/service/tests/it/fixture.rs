//! One __service__ with its own database and virtual host.

use messaging::Envelope;
use serde_json::json;
use __crate__::{MIGRATOR, assemble, config::Config};
use testkit::{EventProbe, TestEnv, TestService, eventually};
use uuid::Uuid;

/// The service under test and its surroundings. The fields are dropped in this order.
pub(crate) struct Fixture {
    pub(crate) service: TestService,
    pub(crate) probe: EventProbe,
    pub(crate) env: TestEnv,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let env = TestEnv::new(&["__queue__"]).await;
        let config = TestEnv::config::<Config>(&[]);
        Self {
            service: env.start("__service__", &MIGRATOR, config, assemble).await,
            probe: env.events().await,
            env,
        }
    }

    /// Publishes an event, and waits until the service has consumed it.
    pub(crate) async fn deliver(&self, event: &Envelope) {
        self.probe.publish(event).await;
        eventually(&format!("{} in the inbox", event.event_type), || async {
            sqlx::query_scalar::<_, Uuid>("select event_id from inbox where event_id = $1")
                .bind(event.metadata.event_id)
                .fetch_optional(&self.service.database)
                .await
                .unwrap()
        })
        .await;
    }

    /// Returns the id of the __subject__'s row.
    pub(crate) async fn id_of(&self, __subject_id__: Uuid) -> Uuid {
        sqlx::query_scalar("select id from __entities__ where __subject_id__ = $1")
            .bind(__subject_id__)
            .fetch_one(&self.service.database)
            .await
            .unwrap()
    }

    /// Returns the number of rows of a table.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        sqlx::query_scalar(count)
            .fetch_one(&self.service.database)
            .await
            .unwrap()
    }
}

/// Creates a `__consumed__` about the __subject__; each call creates another event.
pub(crate) fn __consumed_event__(__subject_id__: Uuid) -> Envelope {
    let data = json!({ "__subjectId__": __subject_id__ });
    EventProbe::event("__publisher__", "__consumed__", __subject_id__, 1, &data)
}
