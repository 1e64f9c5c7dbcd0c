//! Sells a concert ticket: an event leaves through the outbox, enters through the inbox, and enqueues a job.
//!
//! It needs a PostgreSQL and a RabbitMQ server, and creates a database and a virtual host of its own on them:
//!
//! ```text
//! eval "$(make -s env)" && cargo run -p messaging --example concert_tickets
//! ```

use messaging::{
    Consume, Consumer, Context, Database, Envelope, Event, Failure, Job, JobClaim, Relay, RetryPolicy, Tx,
    broker::Broker, health::ConsumerHealth, run_worker,
};
use serde::{Deserialize, Serialize};
use testkit::{TestEnv, eventually};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TOPOLOGY: &str = include_str!("concert_tickets.toml");

/// Published when a ticket is paid for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TicketSold {
    ticket_id: Uuid,
    seat: &'static str,
}

impl Event for TicketSold {
    const TYPE: &'static str = "ticket.sold";
    fn subject(&self) -> Uuid {
        self.ticket_id
    }
}

/// The view of a consumer that needs to know only the seat.
#[derive(Deserialize)]
struct SoldSeat {
    seat: String,
}

impl Consume<Database> for SoldSeat {
    const TYPES: &'static [&'static str] = &["ticket.sold"];

    async fn handle(self, event: &Envelope, _: &Database, tx: &mut Tx) -> Result<(), Failure> {
        let ticket_id = event.metadata.subject;
        sqlx::query("insert into seats (ticket_id, seat) values ($1, $2)")
            .bind(ticket_id)
            .bind(&self.seat)
            .execute(&mut **tx)
            .await?;
        // In the same transaction: the ticket is printed if, and only if, the seat is taken.
        Ok(tx
            .enqueue(ticket_id, ticket_id, &PrintTicket { seat: self.seat })
            .await?)
    }
}

/// A call to the outside, repeated until its outcome is definite.
#[derive(Serialize, Deserialize)]
struct PrintTicket {
    seat: String,
}

impl Job for PrintTicket {
    const KIND: &'static str = "print-ticket";
    type App = Database;

    async fn run(self, claim: &JobClaim, database: &Database) -> Result<(), Failure> {
        if claim.attempts == 1 {
            return Err(Failure::transient("the printer is out of paper"));
        }
        let mut tx = Tx::begin(database, &claim.context()).await?;
        sqlx::query("update seats set printed = true where ticket_id = $1")
            .bind(claim.id)
            .execute(&mut *tx)
            .await?;
        if tx.complete(claim).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let env = TestEnv::with_topology(rabbitmq::Topology::parse(TOPOLOGY)?).await;
    let database = Database::new(&env.database_url, "box-office", 8)?;
    let mut setup = database.acquire().await?;
    sqlx::raw_sql(messaging::SCHEMA).execute(&mut *setup).await?;
    sqlx::raw_sql("create table seats (ticket_id uuid, seat text unique, printed boolean not null default false)")
        .execute(&mut *setup)
        .await?;
    drop(setup);

    let stop = CancellationToken::new();
    let broker = Broker::new(&env.rabbitmq_url, "box-office");
    let relay = Relay::new(database.clone(), broker.clone());
    let consumer = Consumer::of("seats-queue").on::<SoldSeat>().run(
        database.clone(),
        database.clone(),
        broker.clone(),
        RetryPolicy::new([100, 300]),
        ConsumerHealth::new("seats-queue"),
        stop.clone(),
    );
    let printer = run_worker::<PrintTicket>(database.clone(), database.clone(), stop.clone());
    let selling = async {
        let outcome = sell(&database).await;
        stop.cancel();
        outcome
    };
    let (outcome, (), (), ()) = tokio::join!(selling, relay.run(&stop), consumer, printer);
    println!("Seat {} is taken and its ticket printed.", outcome?);
    broker.close().await;
    Ok(())
}

/// Sells one ticket and waits until it is printed. Returns the seat.
async fn sell(database: &Database) -> Result<String, sqlx::Error> {
    let mut tx = Tx::begin(database, &Context::new()).await?;
    let ticket_id = kernel::id::new();
    tx.emit(&TicketSold { ticket_id, seat: "B12" }).await?;
    tx.commit().await?;
    let printed = eventually("the ticket to be printed", || async {
        sqlx::query_scalar("select seat from seats where ticket_id = $1 and printed")
            .bind(ticket_id)
            .fetch_optional(&mut *database.acquire().await.ok()?)
            .await
            .ok()?
    });
    Ok(printed.await)
}
