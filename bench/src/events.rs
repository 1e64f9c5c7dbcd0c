//! A consumer with one small effect for each event, beside one that does nothing but acknowledge.

use crate::{
    queue::{Queue, event},
    report::{Outcome, line, median, rate},
};
use database::Database;
use messaging::{
    Consume, Consumer, Envelope, Failure, RetryPolicy, Tx,
    broker::Broker,
    health::{ConsumerHealth, ConsumerState, Counters},
};
use serde::Deserialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// One event in so many cannot be handled, where some cannot.
const POISON_EVERY: u32 = 100;

/// A seat that was taken: one row.
#[derive(Deserialize)]
struct Taken {
    poisonous: bool,
}

impl Consume<()> for Taken {
    const TYPES: &'static [&'static str] = &["ticket.sold"];

    async fn handle(self, event: &Envelope, (): &(), tx: &mut Tx) -> Result<(), Failure> {
        if self.poisonous {
            return Err(Failure::permanent("this seat does not exist"));
        }
        sqlx::query("insert into seats (ticket, event_id) values ($1, $2)")
            .bind(event.metadata.subject)
            .bind(event.metadata.event_id)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// Measures all kinds in turn, so that each round sees the same machine.
pub(crate) async fn compare(events: u32, rounds: usize) -> Outcome<()> {
    let (mut raw, mut consumer, mut poisoned) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let queue = Queue::new().await?;
        queue.fill((0..events).map(|_| event(false))).await?;
        raw.push(queue.drain(events).await?);
        queue.fill((0..events).map(|_| event(false))).await?;
        consumer.push(consume(&queue, events).await?);
        queue
            .fill((0..events).map(|number| event(number % POISON_EVERY == 0)))
            .await?;
        poisoned.push(consume(&queue, events).await?);
    }
    let (raw, consumer) = (median(raw), median(consumer));
    line(&format!(
        "{events} events, median of {rounds} rounds; the ratio is to the line above"
    ));
    rate("raw consumer that acknowledges", raw, raw);
    rate("consumer, one row for each event", consumer, raw);
    rate("consumer, one event in a hundred is poison", median(poisoned), consumer);
    Ok(())
}

/// Returns the rate at which a consumer handles what waits in the queue, from its subscription on.
#[expect(clippy::disallowed_methods, reason = "the consumer runs beside the measurement")]
async fn consume(queue: &Queue, events: u32) -> Outcome<f64> {
    let database = Database::new(&queue.env.database_url, "seat-service", 16)?;
    sqlx::raw_sql("truncate inbox, seats")
        .execute(&mut *database.acquire().await?)
        .await?;
    let (health, stop) = (ConsumerHealth::new("seats-queue"), CancellationToken::new());
    let consumer = Consumer::of("seats-queue").on::<Taken>().run(
        (),
        database,
        Broker::new(&queue.env.rabbitmq_url, "seat-service"),
        RetryPolicy::new([100, 300]),
        Arc::clone(&health),
        stop.clone(),
    );
    let consumer = tokio::spawn(consumer);
    while health.state() != ConsumerState::Consuming {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    while settled(health.report().counters) < u64::from(events) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let per_s = f64::from(events) / started.elapsed().as_secs_f64();
    stop.cancel();
    consumer.await?;
    Ok(per_s)
}

fn settled(counters: Counters) -> u64 {
    counters.handled + counters.duplicates + counters.dead_lettered
}
