//! Handles deliveries, one transaction for each: inbox row, effect, new outbox rows; the acknowledgement comes after.

use super::{
    broker::Broker,
    envelope::{Envelope, VERSION},
    failure::Failure,
    health::ConsumerHealth,
    inbox, persist,
    retry::{Parked, Parking, RetryPolicy},
    subscription::{Received, Subscription},
};
use crate::{
    context::{Context, TRACEPARENT_HEADER},
    database::{Database, Tx},
    failpoint,
};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// What a handler of an event returns.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// Handles one event of one type inside `Tx`, in which the inbox row already stands; the consumer commits afterwards.
pub type Handler<S> = for<'a> fn(&'a S, &'a mut Tx, &'a Envelope) -> HandlerFuture<'a>;

/// Handles a batch of events of any type inside one transaction.
pub type BatchHandler<S> = for<'a> fn(&'a S, &'a mut Tx, &'a [Envelope]) -> HandlerFuture<'a>;

/// How a service takes its events.
#[derive(Debug)]
pub(crate) enum Work<S: 'static> {
    /// One transaction for each event, by the handler of its type. Other types are recorded and have no effect.
    Each(&'static [(&'static str, Handler<S>)]),
    /// One transaction for as many events as are waiting.
    Batches(BatchHandler<S>),
}

/// Unacknowledged deliveries at a time: enough to keep the handlers busy, few enough to bound memory and redelivery.
const PREFETCH: u16 = 12;
const BATCH_EVENTS_MAX: usize = 200;
/// How long a batch waits for company after its first event. A transaction costs the same for one event as for many, and
/// who takes events in batches is in no hurry.
const BATCH_LINGER: Duration = Duration::from_millis(100);
/// How long a handler may take. It makes no outside call, so this is a database that has stopped answering.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);

/// The consumer of one queue.
#[derive(Debug)]
pub(crate) struct Consumer<S: 'static> {
    app: S,
    work: Work<S>,
    database: Database,
    parking: Parking,
    subscription: Subscription,
}

impl<S: Send + Sync + 'static> Consumer<S> {
    pub(crate) fn new(
        health: Arc<ConsumerHealth>,
        work: Work<S>,
        app: S,
        database: &Database,
        broker: &Broker,
        retries: RetryPolicy,
    ) -> Arc<Self> {
        let prefetch = match work {
            Work::Each(_) => PREFETCH,
            Work::Batches(_) => 2 * u16::try_from(BATCH_EVENTS_MAX).unwrap_or(u16::MAX),
        };
        let queue = health.queue().to_owned();
        Arc::new(Self {
            app,
            work,
            database: database.clone(),
            parking: Parking::new(broker.clone(), &queue, retries),
            subscription: Subscription {
                broker: broker.clone(),
                queue,
                prefetch,
                health,
            },
        })
    }

    fn health(&self) -> &Arc<ConsumerHealth> {
        &self.subscription.health
    }

    /// Consumes until `stop`.
    #[expect(clippy::disallowed_methods, reason = "a delivery's task catches panics")]
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        match self.work {
            Work::Each(_) => {
                let consumer = Arc::clone(&self);
                let sink = move |received| drop(tokio::spawn(Arc::clone(&consumer).one(received)));
                self.subscription.run(stop, sink).await;
            }
            Work::Batches(_) => {
                // Bounded by the prefetch: the broker sends no more than that unacknowledged.
                let (sender, receiver) = mpsc::unbounded_channel();
                let sink = move |received| drop(sender.send(received));
                // The sender ends with the subscription, and the batch loop with the sender.
                tokio::join!(self.subscription.run(stop, sink), Arc::clone(&self).batches(receiver));
            }
        }
    }

    async fn one(self: Arc<Self>, received: Received) {
        match decode(&received) {
            Ok(event) => self.handle(received, event).await,
            Err(reason) => self.conclude(received, Err(Failure::permanent(reason))).await,
        }
    }

    async fn handle(&self, received: Received, event: Envelope) {
        let span = tracing::info_span!("event", "event.type" = %event.event_type, "event.id" = %event.metadata.event_id,
            correlation_id = %event.metadata.correlation_id);
        async {
            let context = event.context(received.header(TRACEPARENT_HEADER));
            let events = std::slice::from_ref(&event);
            let outcome = persist::until_definite(&received, self.health(), || self.attempt(&context, events)).await;
            if let Some(outcome) = outcome {
                self.conclude(received, outcome).await;
            }
        }
        .instrument(span)
        .await;
    }

    async fn batches(self: Arc<Self>, mut receiver: mpsc::UnboundedReceiver<Received>) {
        let mut buffer = Vec::new();
        while receiver.recv_many(&mut buffer, BATCH_EVENTS_MAX).await > 0 {
            if buffer.len() < BATCH_EVENTS_MAX {
                tokio::time::sleep(BATCH_LINGER).await;
            }
            while buffer.len() < BATCH_EVENTS_MAX
                && let Ok(received) = receiver.try_recv()
            {
                buffer.push(received);
            }
            let mut batch = Vec::with_capacity(buffer.len());
            for received in buffer.drain(..) {
                match decode(&received) {
                    Ok(event) => batch.push((received, event)),
                    Err(reason) => self.conclude(received, Err(Failure::permanent(reason))).await,
                }
            }
            self.batch(batch).await;
        }
    }

    /// All at once; if that fails for a reason of their own, one by one, so that a bad one does not stop the others.
    async fn batch(&self, batch: Vec<(Received, Envelope)>) {
        let Some((first, _)) = batch.first() else { return };
        let context = Context::new();
        let events: Vec<Envelope> = batch.iter().map(|(_, event)| event.clone()).collect();
        let outcome = persist::until_definite(first, self.health(), || self.attempt(&context, &events)).await;
        match outcome {
            // The first came on a channel that is gone; others of the batch may have come on the next one.
            None => {
                for (received, event) in batch {
                    if received.is_ours() {
                        self.handle(received, event).await;
                    }
                }
            }
            Some(Ok(fresh)) => {
                let duplicates = batch.len() - fresh;
                self.health().count(|counters| {
                    counters.handled += fresh as u64;
                    counters.duplicates += duplicates as u64;
                });
                for (received, _) in batch {
                    received.ack().await;
                }
            }
            Some(Err(_)) => {
                for (received, event) in batch {
                    self.handle(received, event).await;
                }
            }
        }
    }

    /// One transaction; returns how many of the events were new.
    async fn attempt(&self, context: &Context, events: &[Envelope]) -> Result<usize, Failure> {
        failpoint::crash("consumer-before-begin");
        let transaction = async {
            let mut tx = self.database.begin(context).await?;
            let new = inbox::insert(&mut tx, events).await?;
            if new.is_empty() {
                return Ok(0);
            }
            failpoint::crash("consumer-before-effect");
            if failpoint::taken("consumer-transient", self.database.source()) {
                return Err(Failure::transient("a test wants it so"));
            }
            match self.work {
                Work::Each(table) => {
                    for event in events {
                        if let Some((_, handler)) = table.iter().find(|(event_type, _)| *event_type == event.event_type)
                        {
                            handler(&self.app, &mut tx, event).await?;
                        }
                    }
                }
                Work::Batches(handler) => {
                    let mut seen = new.clone();
                    let fresh: Vec<Envelope> = events
                        .iter()
                        .filter(|event| seen.remove(&event.metadata.event_id))
                        .cloned()
                        .collect();
                    handler(&self.app, &mut tx, &fresh).await?;
                }
            }
            tx.commit().await?;
            failpoint::crash("consumer-before-ack");
            Ok(new.len())
        };
        let outcome = tokio::time::timeout(HANDLER_TIMEOUT, transaction).await;
        outcome.unwrap_or_else(|_| {
            let text = format!("the handler took longer than {HANDLER_TIMEOUT:?}");
            Err(Failure::Infrastructure(text.into()))
        })
    }

    /// Acknowledges what is done; sends the rest on its way first.
    async fn conclude(&self, received: Received, outcome: Result<usize, Failure>) {
        let failure = match outcome {
            Ok(fresh) => {
                self.health().count(|counters| match fresh {
                    0 => counters.duplicates += 1,
                    _ => counters.handled += 1,
                });
                metrics::counter!("events_consumed_total", "duplicate" => if fresh == 0 { "true" } else { "false" })
                    .increment(1);
                return received.ack().await;
            }
            Err(failure) => failure,
        };
        let reason = failure.to_string();
        self.health().failed(&reason);
        let parked = persist::until_definite(&received, self.health(), || async {
            let parked = match &failure {
                Failure::Permanent { .. } => self.parking.bury(&received, &reason).await.map(|()| Parked::Dead),
                Failure::Transient { after, .. } => self.parking.retry(&received, *after, &reason).await,
                Failure::NotTried { after, .. } => self.parking.retry(&received, Some(*after), &reason).await,
                Failure::Conflict(_) | Failure::Infrastructure(_) => self.parking.retry(&received, None, &reason).await,
            };
            parked.map_err(|error| Failure::Infrastructure(Box::new(error)))
        })
        .await;
        match parked {
            Some(Ok(Parked::Dead)) => {
                failpoint::crash("dead-letter-before-ack");
                tracing::error!(%reason, queue = %self.subscription.queue, "an event became a dead letter");
                metrics::counter!("events_dead_lettered_total").increment(1);
                self.health().count(|counters| counters.dead_lettered += 1);
                received.ack().await;
            }
            Some(Ok(Parked::Retry)) => {
                failpoint::crash("retry-before-ack");
                tracing::warn!(%reason, attempts = received.attempts() + 1, "an event will be tried again");
                metrics::counter!("events_retried_total").increment(1);
                self.health().count(|counters| counters.retried += 1);
                received.ack().await;
            }
            Some(Err(_)) | None => {}
        }
    }
}

/// Reads the message; the reason why it cannot be read is final.
fn decode(received: &Received) -> Result<Envelope, String> {
    let event: Envelope =
        serde_json::from_slice(received.body()).map_err(|error| format!("the message is not an event: {error}"))?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&event.metadata.version) != major(VERSION) {
        return Err(format!(
            "version {} is not understood, only {VERSION}",
            event.metadata.version
        ));
    }
    Ok(event)
}
