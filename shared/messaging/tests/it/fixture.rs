//! A service made for tests: it consumes `ticket.*` from `seats-queue` and writes a row for each.

use database::Database;
use fault_proxy::Link;
use kernel::{context::Context, id};
use messaging::{Consume, Consumer, Envelope, Event, Failure, Job, JobClaim, Tx};
use rabbitmq::Topology;
use runtime::{Base, Service, StartError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use testkit::{EventProbe, TestEnv, TestService, eventually};
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

/// Time for which the circuit of a `gone` call is open.
pub(crate) const AWAY: Duration = Duration::from_millis(500);

/// Duration of a `slow` call, which fails.
const SLOW: Duration = Duration::from_millis(200);

/// The state that one instance shares with the test.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) instance: &'static str,
    pub(crate) database: Database,
    /// While set, `ticket.sold` of mood `fickle` fails, of mood `slow` takes too long, `gone` calls are not made, and `failing`
    /// and `hopeless` ones fail.
    pub(crate) failing: Arc<AtomicBool>,
    pub(crate) tries: Arc<AtomicU32>,
    /// The broker's link, which `ticket.sold` of mood `cuts` resets.
    pub(crate) link: Arc<Mutex<Option<Link>>>,
}

/// The configuration of one instance.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) instance: &'static str,
    pub(crate) failing: Arc<AtomicBool>,
    pub(crate) tries: Arc<AtomicU32>,
    pub(crate) link: Arc<Mutex<Option<Link>>>,
    /// The instance's database handle, through which the test writes.
    pub(crate) opened: Arc<Mutex<Option<Database>>>,
}

/// A seat was sold; `mood` decides how its handler behaves.
#[derive(Serialize)]
pub(crate) struct TicketSold {
    #[serde(skip)]
    pub(crate) ticket: Uuid,
    pub(crate) mood: &'static str,
}

impl Event for TicketSold {
    const TYPE: &'static str = "ticket.sold";
    fn subject(&self) -> Uuid {
        self.ticket
    }
}

/// A ticket was torn at the entrance.
#[derive(Serialize)]
pub(crate) struct TicketTorn(#[serde(skip)] pub(crate) Uuid);

impl Event for TicketTorn {
    const TYPE: &'static str = "ticket.torn";
    fn subject(&self) -> Uuid {
        self.0
    }
}

/// A ticket that no event can hold.
#[derive(Serialize)]
pub(crate) struct TicketDrawn {
    #[serde(skip)]
    ticket: Uuid,
    picture: String,
}

impl Event for TicketDrawn {
    const TYPE: &'static str = "ticket.drawn";
    fn subject(&self) -> Uuid {
        self.ticket
    }
}

/// An event whose routing key no queue is bound to.
#[derive(Serialize)]
pub(crate) struct PropertyLost(#[serde(skip)] pub(crate) Uuid);

impl Event for PropertyLost {
    const TYPE: &'static str = "property.lost";
    fn subject(&self) -> Uuid {
        self.0
    }
}

/// The consumer's view of `ticket.sold`.
#[derive(Deserialize)]
struct Sold {
    mood: String,
}

impl Consume<App> for Sold {
    const TYPES: &'static [&'static str] = &["ticket.sold"];

    async fn handle(self, event: &Envelope, app: &App, tx: &mut Tx) -> Result<(), Failure> {
        app.tries.fetch_add(1, Ordering::SeqCst);
        sqlx::query("insert into seats (ticket, event_id, instance) values ($1, $2, $3)")
            .bind(event.metadata.subject)
            .bind(event.metadata.event_id)
            .bind(app.instance)
            .execute(&mut **tx)
            .await?;
        match self.mood.as_str() {
            "panics" => panic!("a handler that panics"),
            "careless" => {
                sqlx::query("select 1 / 0").execute(&mut **tx).await.ok();
                Ok(())
            }
            "door" => {
                let door = sqlx::query("select from doors where id = 1 for update");
                door.execute(&mut **tx).await?;
                Ok(())
            }
            "torn" => {
                tx.emit(&TicketTorn(event.metadata.subject)).await?;
                Ok(())
            }
            "slow" if app.failing.load(Ordering::SeqCst) => {
                let sleep = sqlx::raw_sql("set local statement_timeout = 100; select pg_sleep(20)");
                sleep.execute(&mut **tx).await?;
                Ok(())
            }
            "reads" => reads_the_outbox(event, tx).await,
            "drawn" => {
                let (ticket, picture) = (event.metadata.subject, "x".repeat(messaging::BODY_BYTES_MAX));
                tx.emit(&TicketDrawn { ticket, picture }).await?;
                Ok(())
            }
            "cuts" => {
                let link = app.link.lock().unwrap();
                link.as_ref().map(Link::reset);
                Ok(())
            }
            "hopeless" => Err(Failure::permanent("this seat does not exist")),
            "fickle" if app.failing.load(Ordering::SeqCst) => Err(Failure::transient("not now")),
            _ => Ok(()),
        }
    }
}

/// Emits an event and looks for it in the outbox.
async fn reads_the_outbox(event: &Envelope, tx: &mut Tx) -> Result<(), Failure> {
    let event_id = tx.emit(&TicketTorn(event.metadata.subject)).await?;
    tx.flush().await?;
    let found: bool = sqlx::query_scalar("select exists (select from outbox where event_id = $1)")
        .bind(event_id)
        .fetch_one(&mut **tx)
        .await?;
    found
        .then_some(())
        .ok_or_else(|| Failure::permanent("the event is not in the outbox"))
}

/// A call to the outside; the text decides how it goes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Call(pub(crate) Option<String>);

impl Call {
    pub(crate) fn of(behaviour: &str) -> Self {
        Self(Some(behaviour.to_owned()))
    }
}

impl Job for Call {
    const KIND: &'static str = "call";
    const LIFETIME: Option<Duration> = Some(Duration::from_hours(1));
    type App = App;

    async fn run(self, claim: &JobClaim, app: &App) -> Result<(), Failure> {
        let attempt = app.tries.fetch_add(1, Ordering::SeqCst) + 1;
        let failure = match self.0.as_deref() {
            Some("long") => {
                until_renewed(app, claim).await;
                None
            }
            // The circuit is open for the first six, and closed again for the seventh, which fails.
            Some("away") if attempt <= 6 => Some(Failure::not_tried(Duration::from_millis(50), "the circuit is open")),
            Some("away") if attempt == 7 => Some(Failure::transient("no answer")),
            Some("gone") if app.failing.load(Ordering::SeqCst) => Some(Failure::not_tried(AWAY, "the circuit is open")),
            Some("slow") => {
                tokio::time::sleep(SLOW).await;
                Some(Failure::transient("no answer"))
            }
            Some("garbled") => Some(Failure::permanent("no\0answer")),
            Some("hopeless") if app.failing.load(Ordering::SeqCst) => Some(Failure::permanent("no such number")),
            Some("failing") if app.failing.load(Ordering::SeqCst) => {
                Some(Failure::retry_after(Duration::from_millis(50), "no answer"))
            }
            None if attempt < 3 => Some(Failure::retry_after(Duration::from_millis(50), "no answer")),
            _ => None,
        };
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut tx = Tx::begin(&app.database, &claim.context()).await?;
        sqlx::query("insert into calls (id, attempt) values ($1, $2)")
            .bind(claim.id)
            .bind(claim.attempts)
            .execute(&mut *tx)
            .await?;
        if tx.complete(claim).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

/// A job that no worker runs.
#[derive(Serialize, Deserialize)]
pub(crate) struct Unserved;

impl Job for Unserved {
    const KIND: &'static str = "unserved";
    type App = App;

    async fn run(self, _: &JobClaim, _: &App) -> Result<(), Failure> {
        unreachable!("the service has no worker of this kind")
    }
}

/// Waits until the lease has been renewed; without a renewal it ends 15 s after the claim.
async fn until_renewed(app: &App, claim: &JobClaim) {
    eventually("the lease to be renewed", || async {
        let renewed: bool =
            sqlx::query_scalar("select due_at > created_at + interval '17 s' from intents where id = $1")
                .bind(claim.id)
                .fetch_one(&mut *app.database.acquire().await.ok()?)
                .await
                .expect("the job is there");
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
        link: config.link,
    };
    Ok(Service::new(&base)
        .consumer(Consumer::of("seats-queue").on::<Sold>(), app.clone())
        .job::<Call>(app))
}

pub(crate) async fn env() -> TestEnv {
    TestEnv::with_topology(Topology::parse(TOPOLOGY).expect("the topology of this test is right")).await
}

pub(crate) fn config(instance: &'static str) -> Config {
    Config {
        instance,
        failing: Arc::new(AtomicBool::new(true)),
        tries: Arc::default(),
        link: Arc::default(),
        opened: Arc::default(),
    }
}

pub(crate) async fn open(env: &TestEnv) -> (TestService, Config) {
    let config = config("one");
    let service = env.start("seat-service", &MIGRATOR, config.clone(), assemble).await;
    (service, config)
}

impl Config {
    pub(crate) fn database(&self) -> Database {
        self.opened.lock().unwrap().clone().expect("the service is assembled")
    }
}

/// Returns a `ticket.sold` as another service would send it.
pub(crate) fn sold(mood: &str) -> Envelope {
    EventProbe::event("box-office", "ticket.sold", id::new(), 1, &json!({ "mood": mood }))
}

/// Writes an event into the service's outbox, in a transaction of its own.
pub(crate) async fn emit(database: &Database, event: &impl Event) -> Uuid {
    let mut tx = Tx::begin(database, &Context::new())
        .await
        .expect("the database answers");
    let event_id = tx.emit(event).await.expect("an event can be written");
    tx.commit().await.expect("it commits");
    event_id
}

/// Enqueues a job, in a transaction of its own.
pub(crate) async fn enqueue(database: &Database, id: Uuid, job: &impl Job) {
    let mut tx = Tx::begin(database, &Context::new())
        .await
        .expect("the database answers");
    tx.enqueue(id, id::new(), job).await.expect("a job can be written");
    tx.commit().await.expect("it commits");
}

/// Waits until the consumer is in this state, and returns its section of the status page.
pub(crate) async fn until_state(service: &TestService, state: &str) -> Value {
    eventually(&format!("the consumer to be {state}"), || async {
        let consumer = service.status().await["consumer"].clone();
        (consumer["state"] == state).then_some(consumer)
    })
    .await
}

/// Asserts that no event was retried or dead-lettered.
pub(crate) async fn assert_no_attempt_was_counted(service: &TestService) {
    let consumer = &service.status().await["consumer"];
    let counted = (&consumer["retried"], &consumer["deadLettered"]);
    assert_eq!(counted, (&0.into(), &0.into()), "{consumer}");
}

/// Runs a statement as an operator would.
pub(crate) async fn run(pool: &PgPool, statement: impl Into<String>) {
    let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.into()));
    statement.execute(pool).await.expect("the statement is right");
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
