//! The worker of a consumer: decodes deliveries, and applies events in transactions.

use super::{
    batch::{Batch, Received},
    breaker::{Breaker, Turn},
    busy::BusyGuard,
    plan::Plan,
    work::BoundWork,
};
use crate::{
    delivery::Delivery, envelope::Envelope, failure::Failure, health::ConsumerHealth, hold::retry_while_unavailable,
    inbox, retry::RetryPublisher, subscription::Subscription, tx::Tx,
};
use kernel::failpoint;
use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tracing::{Instrument, Span};
use uuid::Uuid;

/// Limit for a transaction. Its handlers make no outside call, so one that takes longer waits for the database.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

/// A running consumer.
#[derive(Debug)]
pub(super) struct Worker {
    work: BoundWork,
    plan: Plan,
    retries: RetryPublisher,
    subscription: Subscription,
    breaker: Breaker,
    busy: BusyGuard,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Outcome {
    Applied(Applied),
    /// Rolled back, by the handler of the event at this place if it is known.
    Failed(Option<usize>),
    /// Rolled back, and no longer this consumer's.
    SubscriptionEnded,
}

/// What a transaction has committed.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Number of events that were new.
    pub(super) fresh: usize,
    /// True if a handler has succeeded. A duplicate, or a type without a handler, shows nothing.
    pub(super) handled: bool,
}

/// The place in a batch of the event whose handler runs.
#[derive(Debug)]
struct Position(AtomicUsize);

impl Default for Position {
    fn default() -> Self {
        Self(AtomicUsize::new(Self::NONE))
    }
}

impl Position {
    const NONE: usize = usize::MAX;

    fn set(&self, index: usize) {
        self.0.store(index, Ordering::Relaxed);
    }

    fn get(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|index| *index != Self::NONE)
    }
}

impl Worker {
    pub(super) fn new(work: BoundWork, plan: Plan, retries: RetryPublisher, subscription: Subscription) -> Self {
        Self {
            busy: BusyGuard::new(subscription.database.clone(), plan.singles_max),
            breaker: Breaker::new(Arc::clone(&subscription.health), retries.first_delay()),
            work,
            plan,
            retries,
            subscription,
        }
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan
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

    pub(super) fn retries(&self) -> &RetryPublisher {
        &self.retries
    }

    /// Reads the event of a delivery. A message that is no event, or of another major version, becomes a dead letter, in a
    /// task of its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "the health counts the delivery until its task ends"
    )]
    pub(super) fn receive(self: &Arc<Self>, mut delivery: Delivery) -> Option<Received> {
        delivery.doom_if_armed(self.subscription.database.service());
        match Envelope::decode(delivery.body()) {
            Ok(event) => Some((delivery, event)),
            Err(reason) => {
                let worker = Arc::clone(self);
                tokio::spawn(async move { worker.reschedule(delivery, &Failure::permanent(reason)).await });
                None
            }
        }
    }

    /// Applies an event by itself and settles its delivery, in a task of its own.
    #[expect(
        clippy::disallowed_methods,
        reason = "a delivery's task catches panics, and the health counts it"
    )]
    pub(super) fn try_alone(self: &Arc<Self>, received: Received) {
        let (worker, span) = (Arc::clone(self), span(&received.1));
        tokio::spawn(async move { worker.apply_alone(received).await }.instrument(span));
    }

    /// Applies a batch in one transaction. While the database is unavailable, the batch is held.
    pub(super) async fn apply_batch(&self, batch: &Batch) -> Outcome {
        let Some(first) = batch.first() else {
            return Outcome::Applied(Applied::default());
        };
        let position = Position::default();
        let outcome = retry_while_unavailable(first, self.health(), || async {
            let context = batch.context(0);
            match self.apply(batch, self.busy.begin_batch(&context), &position).await {
                Ok(applied) => Ok(Some(applied)),
                // Whatever it is, it is judged when the event is tried alone.
                Err(_) if position.get().is_some() => Ok(None),
                Err(failure) => Err(self.busy.judge(failure).await),
            }
        })
        .await;
        match outcome {
            None => Outcome::SubscriptionEnded,
            Some(Ok(Some(applied))) => Outcome::Applied(applied),
            Some(Ok(None) | Err(_)) => Outcome::Failed(position.get()),
        }
    }

    async fn apply_alone(&self, (delivery, event): Received) {
        let turn = tokio::select! {
            biased;
            () = delivery.subscription_ended() => return,
            turn = self.breaker.turn() => turn,
        };
        let batch = Batch::from((delivery, event));
        let Some(delivery) = batch.first() else { return };
        let outcome = retry_while_unavailable(delivery, self.health(), || async {
            let _single = tokio::select! {
                biased;
                () = delivery.subscription_ended() => return Err(Failure::transient("the subscription has ended")),
                single = self.busy.single() => single,
            };
            let (context, position) = (batch.context(0), Position::default());
            match self.apply(&batch, self.busy.begin_single(&context), &position).await {
                Ok(applied) => Ok(applied),
                Err(failure) => Err(self.busy.judge(failure).await),
            }
        })
        .await;
        let Some(outcome) = outcome else { return };
        match outcome {
            Ok(applied) => {
                drop(turn);
                self.acknowledge(batch, applied).await;
            }
            Err(failure) => {
                self.note(&turn, delivery, &failure);
                drop(turn);
                if let Some(delivery) = batch.into_first() {
                    self.reschedule(delivery, &failure).await;
                }
            }
        }
    }

    /// Tells the breaker of a failure.
    fn note(&self, turn: &Turn<'_>, delivery: &Delivery, failure: &Failure) {
        if let Failure::Transient { .. } | Failure::NotTried { .. } = failure {
            let is_first_attempt = delivery.attempts() == 0;
            self.breaker.failed(turn, is_first_attempt, &failure.to_string());
        }
    }

    /// Applies the events that are new, then commits. What `begin` returns beside the transaction is held until its end.
    async fn apply<Guard>(
        &self,
        batch: &Batch,
        begin: impl Future<Output = Result<(Tx, Guard), sqlx::Error>>,
        position: &Position,
    ) -> Result<Applied, Failure> {
        position.set(Position::NONE);
        failpoint::crash("consumer-before-begin");
        let transaction = async {
            let (mut tx, _guard) = begin.await?;
            let new = inbox::insert(&mut tx, batch.events()).await?;
            if new.is_empty() {
                return Ok(Applied::default());
            }
            failpoint::crash("consumer-before-effect");
            let fresh = new.len();
            let handled = self.handle(&mut tx, batch, new, position).await?;
            position.set(Position::NONE);
            tx.commit().await?;
            failpoint::crash("consumer-before-ack");
            Ok(Applied { fresh, handled })
        };
        let outcome = tokio::time::timeout(TRANSACTION_TIMEOUT, transaction).await;
        outcome.unwrap_or_else(|_| {
            let text = format!("the transaction took longer than {TRANSACTION_TIMEOUT:?}");
            Err(Failure::Busy(text.into()))
        })
    }

    /// Hands the new events to their handlers, each once, also one that came twice in the batch. Returns true if there was a
    /// handler.
    async fn handle(
        &self,
        tx: &mut Tx,
        batch: &Batch,
        mut new: HashSet<Uuid>,
        position: &Position,
    ) -> Result<bool, Failure> {
        if let Some(index) = batch.doomed() {
            position.set(index);
            return Err(Failure::transient("failed by a failpoint"));
        }
        let events = batch.events();
        match &self.work {
            BoundWork::Each { handle, types } => {
                let mut handled = false;
                for (index, event) in events.iter().enumerate() {
                    if new.remove(&event.metadata.event_id) && types.contains(event.event_type.as_str()) {
                        position.set(index);
                        tx.set_context(batch.context(index));
                        handle(tx, event).instrument(span(event)).await?;
                        handled = true;
                    }
                }
                Ok(handled)
            }
            BoundWork::Batches(handler) => {
                let fresh = if new.len() == events.len() {
                    Cow::Borrowed(events)
                } else {
                    events
                        .iter()
                        .filter(|event| new.remove(&event.metadata.event_id))
                        .cloned()
                        .collect()
                };
                handler(tx, &fresh).await?;
                Ok(true)
            }
        }
    }
}

/// The span of what an event causes.
fn span(event: &Envelope) -> Span {
    let (metadata, event_type) = (&event.metadata, &event.event_type);
    tracing::info_span!("event", "event.type" = %event_type, "event.id" = %metadata.event_id,
        correlation_id = %metadata.correlation_id)
}
