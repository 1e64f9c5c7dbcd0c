//! Batches: one transaction for as many events as are waiting.

use super::worker::Worker;
use crate::{delivery::Delivery, envelope::Envelope, hold::retry_while_unavailable};
use futures_util::{StreamExt, stream};
use kernel::context::Context;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const EVENTS_MAX: usize = 200;
/// Events applied at a time, each by itself, after their batch has failed.
const CONCURRENT_EVENTS: usize = 12;
/// Unacknowledged deliveries at a time: the next batch is fetched while one is applied.
pub(super) const PREFETCH: u16 = 400;
/// Linger: how long a batch waits for more events after its first. A transaction costs the same for one event as for many,
/// and a consumer of batches is in no hurry.
const LINGER: Duration = Duration::from_millis(100);

/// Processes deliveries in batches, until `stop`.
pub(super) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    // Bounded by the prefetch: the broker sends no more than that unacknowledged.
    let (sender, receiver) = mpsc::unbounded_channel();
    let sink = move |delivery| drop(sender.send(delivery));
    // The sink ends with the subscription, and the batches with the sink.
    tokio::join!(
        worker.subscription().run(stop, sink),
        process_batches(&worker, receiver)
    );
}

async fn process_batches(worker: &Worker, mut receiver: mpsc::UnboundedReceiver<Delivery>) {
    let mut buffer = Vec::new();
    while receiver.recv_many(&mut buffer, EVENTS_MAX).await > 0 {
        if buffer.len() < EVENTS_MAX {
            tokio::time::sleep(LINGER).await;
        }
        while buffer.len() < EVENTS_MAX
            && let Ok(delivery) = receiver.try_recv()
        {
            buffer.push(delivery);
        }
        let mut batch = Vec::with_capacity(buffer.len());
        for delivery in buffer.drain(..) {
            batch.extend(worker.decode(delivery).await);
        }
        process(worker, batch).await;
    }
}

/// Applies a batch at once; if that fails for a reason of its own, event by event, so that a poison message or a locked row
/// does not hold up the others.
async fn process(worker: &Worker, mut batch: Vec<(Delivery, Envelope)>) {
    // What was buffered when its subscription ended comes again.
    batch.retain(|(delivery, _)| delivery.is_ours());
    let Some((first, _)) = batch.first() else { return };
    if worker.breaker().is_open() {
        return process_each(worker, batch).await;
    }
    let context = Context::new();
    let events: Vec<Envelope> = batch.iter().map(|(_, event)| event.clone()).collect();
    let outcome = retry_while_unavailable(first, worker.health(), || worker.apply(&context, &events)).await;
    if let Some(Ok(fresh)) = outcome {
        acknowledge(worker, batch, fresh).await;
    } else {
        // Without an outcome the first delivery's subscription has ended; others of the batch may be of the next one.
        batch.retain(|(delivery, _)| delivery.is_ours());
        process_each(worker, batch).await;
    }
}

async fn process_each(worker: &Worker, batch: Vec<(Delivery, Envelope)>) {
    stream::iter(batch)
        .for_each_concurrent(CONCURRENT_EVENTS, |(delivery, event)| {
            worker.process_event(delivery, event)
        })
        .await;
}

async fn acknowledge(worker: &Worker, batch: Vec<(Delivery, Envelope)>, fresh: usize) {
    let duplicates = batch.len() - fresh;
    if fresh > 0 {
        worker.breaker().succeeded();
    }
    worker.health().count(|counters| {
        counters.handled += fresh as u64;
        counters.duplicates += duplicates as u64;
    });
    for (delivery, _) in batch {
        delivery.ack().await;
    }
}
