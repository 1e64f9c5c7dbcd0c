//! The consumer of `analytics-queue`, which receives every event. It publishes none.

use crate::{app::App, domain, store};
use kernel::clock;
use messaging::{Consumer, Envelope, Failure, HandlerFuture, Tx};
use sqlx::error::DatabaseError;

/// SQLSTATE of a violated check constraint, which PostgreSQL also reports for a row that no partition accepts.
const CHECK_VIOLATION: &str = "23514";

/// Declares the consumer. A batch is one transaction, since storing 200 events costs little more than storing one.
pub(crate) fn consumer() -> Consumer<App> {
    Consumer::of_batches("analytics-queue", store_batch)
}

/// Stores and counts a batch of events of any type. All go into today's partition, also late ones and those from the future.
fn store_batch<'a>(_app: &'a App, tx: &'a mut Tx, events: &'a [Envelope]) -> HandlerFuture<'a> {
    Box::pin(async move {
        let today = clock::now().date_naive();
        let counts = domain::count(
            events
                .iter()
                .map(|event| (event.metadata.timestamp, event.event_type.as_str())),
        );
        store::insert_events(tx, today, events).await.map_err(classify)?;
        store::add_to_counters(tx, &counts).await.map_err(classify)
    })
}

/// Classifies a missing partition as unavailable infrastructure: [`crate::partitions`] will create it, and the event is not at
/// fault.
fn classify(error: sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(DatabaseError::code);
    if code.as_deref() == Some(CHECK_VIOLATION) {
        Failure::Infrastructure(Box::new(error))
    } else {
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rabbitmq::Topology;

    #[test]
    fn the_topology_routes_every_event_to_the_queue() {
        let topology = Topology::load().unwrap();
        let service = &topology.services["analytics-service"];
        assert_eq!(service.queue.as_deref(), Some(consumer().queue()));
        assert!(service.publishes.is_empty());
        for (event_type, queues) in &topology.events {
            assert!(queues.contains(consumer().queue()), "{event_type}");
        }
    }
}
