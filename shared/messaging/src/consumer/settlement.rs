//! The settlement of deliveries: what took effect is acknowledged, what failed is rescheduled first.

use super::{
    batch::Batch,
    worker::{Applied, Worker},
};
use crate::{
    broker::BrokerError,
    delivery::Delivery,
    failure::Failure,
    hold::retry_while_unavailable,
    retry::{Rescheduled, shortened},
};
use kernel::failpoint;
use std::time::Duration;

/// Time for which an event may meet a busy database before it becomes a dead letter.
const BUSY_MAX: Duration = Duration::from_hours(1);

impl Worker {
    /// Acknowledges what took effect, now or before.
    pub(super) async fn acknowledge(&self, batch: Batch, applied: Applied) {
        if applied.handled {
            self.breaker().succeeded();
        }
        let (fresh, duplicates) = (applied.fresh as u64, batch.len().saturating_sub(applied.fresh) as u64);
        self.health().count(|counters| {
            counters.handled += fresh;
            counters.duplicates += duplicates;
        });
        for (count, duplicate) in [(fresh, "false"), (duplicates, "true")] {
            metrics::counter!("events_consumed_total", "duplicate" => duplicate).increment(count);
        }
        batch.ack().await;
    }

    /// Sends a copy of what failed to a retry queue or to the dead-letter queue, then acknowledges it.
    pub(super) async fn reschedule(&self, delivery: Delivery, failure: &Failure) {
        let reason = shortened(&failure.to_string());
        let queue = self.subscription().queue.as_str();
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
                self.retries().dead_letter(delivery, reason).await?;
                return Ok(Rescheduled::DeadLetter);
            }
            // If nothing at all has succeeded for as long, the event is not the one at fault.
            Failure::Busy(_) if self.breaker().has_succeeded_within(BUSY_MAX) => {
                return self.retries().retry_busy(delivery, Some(BUSY_MAX), reason).await;
            }
            Failure::Busy(_) => return self.retries().retry_busy(delivery, None, reason).await,
            Failure::Transient { after, .. } => *after,
            Failure::NotTried { after, .. } => Some(*after),
            Failure::Conflict(_) | Failure::Infrastructure(_) => None,
        };
        self.retries().retry(delivery, after, reason).await
    }
}
