//! The worker of a consumer: decodes deliveries, applies each in a transaction, and settles it.

use super::{
    breaker::{Breaker, Turn},
    busy::BusyGuard,
    work::BoundWork,
};
use crate::{
    broker::BrokerError,
    delivery::Delivery,
    envelope::{Envelope, VERSION},
    failure::Failure,
    health::ConsumerHealth,
    hold::retry_while_unavailable,
    inbox,
    retry::{Rescheduled, RetryPublisher, shortened},
    subscription::Subscription,
    tx::Tx,
};
use kernel::{context::Context, failpoint};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Unacknowledged deliveries at a time: enough to keep the handlers busy, few enough to bound memory and redelivery.
pub(super) const PREFETCH: u16 = 12;
/// Limit for a handler. It makes no outside call, so one that takes longer waits for the database.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for which an event may meet a busy database before it becomes a dead letter.
const BUSY_MAX: Duration = Duration::from_hours(1);

/// Longest type of an event, as AMQP takes it.
const TYPE_BYTES_MAX: usize = 255;

/// A running consumer.
#[derive(Debug)]
pub(super) struct Worker {
    work: BoundWork,
    retries: RetryPublisher,
    subscription: Subscription,
    breaker: Breaker,
    busy: BusyGuard,
}

impl Worker {
    pub(super) fn new(work: BoundWork, retries: RetryPublisher, subscription: Subscription) -> Self {
        Self {
            // Half of the handlers may wait long for a lock.
            busy: BusyGuard::new(subscription.database.clone(), usize::from(PREFETCH / 2)),
            breaker: Breaker::new(Arc::clone(&subscription.health), retries.first_delay()),
            work,
            retries,
            subscription,
        }
    }

    pub(super) fn work(&self) -> &BoundWork {
        &self.work
    }

    pub(super) fn health(&self) -> &Arc<ConsumerHealth> {
        &self.subscription.health
    }

    pub(super) fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    pub(super) fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Processes each delivery in a task of its own, until `stop`.
    #[expect(
        clippy::disallowed_methods,
        reason = "a delivery's task catches panics, and the health counts it"
    )]
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let worker = Arc::clone(&self);
        let sink = move |delivery| drop(tokio::spawn(Arc::clone(&worker).process(delivery)));
        self.subscription.run(stop, sink).await;
    }

    async fn process(self: Arc<Self>, delivery: Delivery) {
        if let Some((delivery, event)) = self.decode(delivery).await {
            self.process_event(delivery, event).await;
        }
    }

    /// Applies one event and settles its delivery.
    pub(super) async fn process_event(&self, delivery: Delivery, event: Envelope) {
        let span = tracing::info_span!("event", "event.type" = %event.event_type, "event.id" = %event.metadata.event_id,
            correlation_id = %event.metadata.correlation_id);
        async {
            let turn = tokio::select! {
                () = delivery.subscription_ended() => return,
                turn = self.breaker.turn() => turn,
            };
            let context = event.context(delivery.traceparent());
            let events = std::slice::from_ref(&event);
            let outcome = retry_while_unavailable(&delivery, self.health(), || self.apply(&context, events)).await;
            if let Some(outcome) = outcome {
                self.note(&turn, &delivery, &event, &outcome);
                drop(turn);
                self.settle(delivery, outcome).await;
            }
        }
        .instrument(span)
        .await;
    }

    /// Tells the breaker what the outcome shows. A duplicate, or a type without a handler, shows nothing.
    fn note(&self, turn: &Turn<'_>, delivery: &Delivery, event: &Envelope, outcome: &Result<usize, Failure>) {
        match outcome {
            Ok(fresh) if *fresh > 0 && self.work.handles(&event.event_type) => self.breaker.succeeded(),
            Err(failure @ (Failure::Transient { .. } | Failure::NotTried { .. })) => {
                self.breaker
                    .failed(turn, delivery.attempts() == 0, &failure.to_string());
            }
            _ => {}
        }
    }

    /// Reads the event of a delivery. A message that is no event, or of another major version, becomes a dead letter.
    pub(super) async fn decode(&self, delivery: Delivery) -> Option<(Delivery, Envelope)> {
        match decode(delivery.body()) {
            Ok(mut event) => {
                event.metadata.ensure_correlation_id();
                Some((delivery, event))
            }
            Err(reason) => {
                self.settle(delivery, Err(Failure::permanent(reason))).await;
                None
            }
        }
    }

    /// Applies events in one transaction, then commits. Returns how many of them were new.
    pub(super) async fn apply(&self, context: &Context, events: &[Envelope]) -> Result<usize, Failure> {
        failpoint::crash("consumer-before-begin");
        let transaction = async {
            let (mut tx, _patience) = self.busy.begin(context).await?;
            let mut new = inbox::insert(&mut tx, events).await?;
            if new.is_empty() {
                return Ok(0);
            }
            failpoint::crash("consumer-before-effect");
            if failpoint::taken("consumer-transient", self.subscription.database.service()) {
                return Err(Failure::transient("failed by a failpoint"));
            }
            let count = new.len();
            // An event that came twice in one batch takes effect once.
            let fresh = events.iter().filter(|event| new.remove(&event.metadata.event_id));
            self.handle(&mut tx, fresh).await?;
            tx.commit().await?;
            failpoint::crash("consumer-before-ack");
            Ok(count)
        };
        let outcome = tokio::time::timeout(HANDLER_TIMEOUT, transaction).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let text = format!("the handler took longer than {HANDLER_TIMEOUT:?}");
            Err(Failure::Busy(text.into()))
        });
        match outcome {
            Ok(fresh) => Ok(fresh),
            Err(failure) => Err(self.busy.judge(failure).await),
        }
    }

    async fn handle(&self, tx: &mut Tx, fresh: impl Iterator<Item = &Envelope>) -> Result<(), Failure> {
        match &self.work {
            BoundWork::Each { handle, .. } => {
                for event in fresh {
                    handle(tx, event).await?;
                }
                Ok(())
            }
            BoundWork::Batches(handler) => {
                let fresh: Vec<Envelope> = fresh.cloned().collect();
                handler(tx, &fresh).await
            }
        }
    }

    /// Acknowledges a delivery that took effect; reschedules a failed one first.
    async fn settle(&self, delivery: Delivery, outcome: Result<usize, Failure>) {
        match outcome {
            Ok(fresh) => {
                let duplicate = fresh == 0;
                self.health().count(|counters| {
                    counters.duplicates += u64::from(duplicate);
                    counters.handled += u64::from(!duplicate);
                });
                metrics::counter!("events_consumed_total", "duplicate" => if duplicate { "true" } else { "false" })
                    .increment(1);
                delivery.ack().await;
            }
            Err(failure) => self.reschedule(delivery, &failure).await,
        }
    }

    async fn reschedule(&self, delivery: Delivery, failure: &Failure) {
        let reason = shortened(&failure.to_string());
        let queue = self.subscription.queue.as_str();
        self.health().failed(&reason);
        let rescheduled = retry_while_unavailable(&delivery, self.health(), || async {
            let sent = self.send_copy(&delivery, failure, &reason).await;
            sent.map_err(|error| Failure::Infrastructure(Box::new(error)))
        })
        .await;
        match rescheduled {
            Some(Ok(Rescheduled::DeadLetter)) => {
                failpoint::crash("dead-letter-before-ack");
                tracing::error!(code = "event.dead_lettered", queue, %reason, "Event dead-lettered");
                metrics::counter!("events_dead_lettered_total").increment(1);
                self.health().count(|counters| counters.dead_lettered += 1);
                delivery.ack().await;
            }
            Some(Ok(Rescheduled::Retry)) => {
                failpoint::crash("retry-before-ack");
                let attempts = delivery.attempts() + 1;
                tracing::warn!(code = "event.retried", queue, %reason, attempts, "Event failed and will be retried");
                metrics::counter!("events_retried_total").increment(1);
                self.health().count(|counters| counters.retried += 1);
                delivery.ack().await;
            }
            Some(Err(_)) | None => {}
        }
    }

    async fn send_copy(
        &self,
        delivery: &Delivery,
        failure: &Failure,
        reason: &str,
    ) -> Result<Rescheduled, BrokerError> {
        let after = match failure {
            Failure::Permanent { .. } => {
                self.retries.dead_letter(delivery, reason).await?;
                return Ok(Rescheduled::DeadLetter);
            }
            // If nothing at all has succeeded for as long, the event is not the one at fault.
            Failure::Busy(_) if self.breaker.has_succeeded_within(BUSY_MAX) => {
                return self.retries.retry_busy(delivery, Some(BUSY_MAX), reason).await;
            }
            Failure::Busy(_) => return self.retries.retry_busy(delivery, None, reason).await,
            Failure::Transient { after, .. } => *after,
            Failure::NotTried { after, .. } => Some(*after),
            Failure::Conflict(_) | Failure::Infrastructure(_) => None,
        };
        self.retries.retry(delivery, after, reason).await
    }
}

/// Reads a message. The error is the reason of the dead letter.
fn decode(body: &[u8]) -> Result<Envelope, String> {
    let event: Envelope =
        serde_json::from_slice(body).map_err(|error| format!("the message is not an event: {error}"))?;
    if event.event_type.len() > TYPE_BYTES_MAX {
        return Err(format!("its type has more than {TYPE_BYTES_MAX} bytes"));
    }
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&event.metadata.version) != major(VERSION) {
        return Err(format!(
            "version {} is not understood, only {VERSION}",
            event.metadata.version
        ));
    }
    Ok(event)
}
