//! A service made for tests: it takes `ticket.*` from `seats-queue` and writes a row for each.

use rabbitmq::Topology;
use serde::Deserialize;
use serde_json::json;
use shared::{
    config::{ConfigError, Env},
    context::Context,
    database::{Database, Tx},
    id,
    messaging::{
        consumer::{Handler, HandlerFuture},
        envelope::Envelope,
        failure::Failure,
        intents::{Intent, PerformFuture},
    },
    service::{Base, Service, StartError},
    testing::{EventProbe, TestBed, TestService, eventually},
};
use sqlx::PgPool;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

pub(crate) static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("tests/it/migrations");

pub(crate) const TOPOLOGY: &str = r#"
exchange = "platform-events"
delivery_limit = 1000
dead_letter_delivery_limit = 1000000000
retry_delays_ms = [100, 300]

[alarms]
queue_depth = 10000
oldest_message_s = 60

[services.seat-service]
queue = "seats-queue"
bindings = ["ticket.*"]
publishes = ["ticket.sold", "ticket.torn"]

[events]
"ticket.sold" = ["seats-queue"]
"ticket.torn" = ["seats-queue"]
"#;

/// How long the circuit of a `gone` call stays open.
pub(crate) const AWAY: Duration = Duration::from_millis(500);

/// What the handlers of one instance share with the test.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) instance: &'static str,
    pub(crate) database: Database,
    /// While set, `ticket.sold` of mood `fickle` fails, and `gone` calls are not made.
    pub(crate) failing: Arc<AtomicBool>,
    pub(crate) tries: Arc<AtomicU32>,
}

/// What a test says of an instance.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) instance: &'static str,
    pub(crate) failing: Arc<AtomicBool>,
    pub(crate) tries: Arc<AtomicU32>,
    /// Where the instance puts its database handle, so that the test can write through it.
    pub(crate) opened: Arc<std::sync::Mutex<Option<Database>>>,
}

#[derive(Deserialize)]
struct Sold {
    mood: String,
}

const CONSUMES: &[(&str, Handler<App>)] = &[("ticket.sold", on_sold)];

fn on_sold<'a>(app: &'a App, tx: &'a mut Tx, event: &'a Envelope) -> HandlerFuture<'a> {
    Box::pin(async move {
        let sold: Sold = event.data()?;
        app.tries.fetch_add(1, Ordering::SeqCst);
        sqlx::query("insert into seats (ticket, event_id, instance) values ($1, $2, $3)")
            .bind(event.metadata.subject)
            .bind(event.metadata.event_id)
            .bind(app.instance)
            .execute(&mut **tx)
            .await?;
        match sold.mood.as_str() {
            "panics" => panic!("a handler that panics"),
            "careless" => {
                sqlx::query("select 1 / 0").execute(&mut **tx).await.ok();
                Ok(())
            }
            "hopeless" => Err(Failure::permanent("this seat does not exist")),
            "fickle" if app.failing.load(Ordering::SeqCst) => Err(Failure::transient("not now")),
            _ => Ok(()),
        }
    })
}

fn call<'a>(app: &'a App, intent: &'a Intent) -> PerformFuture<'a> {
    Box::pin(async move {
        let attempt = app.tries.fetch_add(1, Ordering::SeqCst) + 1;
        let refusal = match intent.payload.as_str() {
            Some("long") => {
                until_renewed(app, intent).await;
                None
            }
            // The circuit is open for the first six, and closed again for the seventh, which fails.
            Some("away") if attempt <= 6 => Some(Failure::not_tried(Duration::from_millis(50), "the circuit is open")),
            Some("away") if attempt == 7 => Some(Failure::transient("no answer")),
            Some("gone") if app.failing.load(Ordering::SeqCst) => Some(Failure::not_tried(AWAY, "the circuit is open")),
            None if attempt < 3 => Some(Failure::retry_after(Duration::from_millis(50), "no answer")),
            _ => None,
        };
        if let Some(failure) = refusal {
            return Err(failure);
        }
        let mut tx = app.database.begin(&intent.context()).await?;
        sqlx::query("insert into calls (id, attempt) values ($1, $2)")
            .bind(intent.id)
            .bind(intent.attempts)
            .execute(&mut *tx)
            .await?;
        if tx.finish(intent).await? {
            tx.commit().await?;
        }
        Ok(())
    })
}

/// A claim that was never renewed ends 15 s after it was made.
async fn until_renewed(app: &App, intent: &Intent) {
    eventually("the claim to be renewed", || async {
        let renewed: bool =
            sqlx::query_scalar("select due_at > created_at + interval '17 s' from intents where id = $1")
                .bind(intent.id)
                .fetch_one(&mut *app.database.acquire().await.ok()?)
                .await
                .expect("the intent is there");
        renewed.then_some(())
    })
    .await;
}

pub(crate) async fn assemble(config: Config, base: Base) -> Result<Service, StartError> {
    *config.opened.lock().unwrap() = Some(base.database.clone());
    let app = App {
        instance: config.instance,
        database: base.database.clone(),
        failing: config.failing,
        tries: config.tries,
    };
    Ok(Service::new(base)
        .consume("seats-queue", CONSUMES, app.clone())
        .perform("call", call, app))
}

pub(crate) async fn bed() -> TestBed {
    TestBed::with_topology(Topology::parse(TOPOLOGY).expect("the topology of this test is right")).await
}

pub(crate) fn config(instance: &'static str) -> Config {
    let read: fn(&Env) -> Result<Config, ConfigError> = |_| {
        Ok(Config {
            instance: "",
            failing: Arc::new(AtomicBool::new(true)),
            tries: Arc::default(),
            opened: Arc::default(),
        })
    };
    Config {
        instance,
        ..TestBed::config(read, &[])
    }
}

pub(crate) async fn open(bed: &TestBed) -> (TestService, Config) {
    let config = config("one");
    let service = bed.start("seat-service", &MIGRATOR, config.clone(), assemble).await;
    (service, config)
}

impl Config {
    pub(crate) fn database(&self) -> Database {
        self.opened.lock().unwrap().clone().expect("the service is assembled")
    }
}

/// A `ticket.sold` as another service would send it.
pub(crate) fn sold(mood: &str) -> Envelope {
    EventProbe::event("box-office", "ticket.sold", id::new(), 1, &json!({ "mood": mood }))
}

/// Writes events into the service's outbox, each in a transaction of its own.
pub(crate) async fn emit(database: &Database, event_type: &str, subject: Uuid, mood: &str) -> Uuid {
    let mut tx = database.begin(&Context::new()).await.expect("the database is there");
    let event_id = tx
        .emit(event_type, subject, &json!({ "mood": mood }))
        .await
        .expect("an event can be written");
    tx.commit().await.expect("it commits");
    event_id
}

pub(crate) async fn count(pool: &PgPool, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(pool).await.expect("a count")
}

pub(crate) async fn until_count(pool: &PgPool, statement: &'static str, wanted: i64) {
    eventually(&format!("{statement} = {wanted}"), || async {
        (count(pool, statement).await == wanted).then_some(())
    })
    .await;
}
