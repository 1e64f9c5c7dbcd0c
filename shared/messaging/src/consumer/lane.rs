//! Lanes: each handles the events of its subjects, as many at a time as are waiting, in one transaction.
//!
//! A batch is committed as a whole or not at all. An event that keeps it from that is taken out and tried alone, where its
//! failure is judged, and the others are tried again without it. See docs/adr/0019-batches-by-lanes.md.

use super::{
    batch::{Batch, Received},
    plan::Plan,
    suspects::Suspects,
    worker::{Outcome, Worker},
};
use crate::delivery::Delivery;
use std::{panic::resume_unwind, sync::Arc};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Handles the deliveries of a queue until `stop`.
pub(super) async fn run(worker: Arc<Worker>, stop: CancellationToken) {
    let (mut lanes, mut senders) = (JoinSet::new(), Vec::new());
    for _ in 0..worker.plan().lanes {
        // Bounded by the prefetch: the broker sends no more than that unacknowledged.
        let (sender, receiver) = mpsc::unbounded_channel();
        senders.push(sender);
        lanes.spawn(Lane::new(Arc::clone(&worker)).run(receiver));
    }
    let receiving = Arc::clone(&worker);
    let sink = move |delivery: Delivery| {
        let Some(received) = receiving.receive(delivery) else {
            return;
        };
        match senders.get(lane_of(received.1.metadata.subject, senders.len())) {
            Some(lane) => drop(lane.send(received)),
            None => receiving.try_alone(received),
        }
    };
    tokio::select! {
        () = worker.subscription().run(stop, sink) => {}
        // A lane ends only by a panic, and the consumer with it.
        Some(Err(lane)) = lanes.join_next() => resume_unwind(lane.into_panic()),
    }
    // What is still under way has outlasted the subscription's patience. It is rolled back, and comes again.
    lanes.shutdown().await;
}

/// Returns the lane of a subject.
fn lane_of(subject: Uuid, lanes: usize) -> usize {
    let lanes = u64::try_from(lanes).unwrap_or(u64::MAX).max(1);
    // The low half is random in every version of identifier that has random bits.
    usize::try_from(subject.as_u64_pair().1 % lanes).unwrap_or_default()
}

struct Lane {
    worker: Arc<Worker>,
    plan: Plan,
    /// Events of the next batch: half as many after a batch that failed, and twice as many after one that did not.
    events_max: usize,
    suspects: Suspects,
}

impl Lane {
    fn new(worker: Arc<Worker>) -> Self {
        let plan = worker.plan();
        Self {
            worker,
            plan,
            events_max: plan.events_max,
            suspects: Suspects::default(),
        }
    }

    async fn run(mut self, mut deliveries: mpsc::UnboundedReceiver<Received>) {
        let mut received = Vec::new();
        while deliveries.recv_many(&mut received, self.events_max).await > 0 {
            if !self.plan.linger.is_zero() && received.len() < self.events_max {
                tokio::time::sleep(self.plan.linger).await;
                while received.len() < self.events_max
                    && let Ok(another) = deliveries.try_recv()
                {
                    received.push(another);
                }
            }
            let failed = self.process(Batch::of(std::mem::take(&mut received))).await;
            self.events_max = if failed {
                (self.events_max / 2).max(1)
            } else {
                (self.events_max * 2).min(self.plan.events_max)
            };
        }
    }

    /// Applies a batch, part by part where that does not succeed as a whole. Returns true if it did not.
    async fn process(&mut self, batch: Batch) -> bool {
        let mut failed = false;
        // What is next is the last. Each part is followed by the event that was behind it and is tried alone.
        let mut parts = vec![(batch, None)];
        while let Some((part, culprit)) = parts.pop() {
            let part = self.set_aside(part);
            match self.worker.apply_batch(&part).await {
                Outcome::Applied(applied) => {
                    self.worker.acknowledge(part, applied).await;
                    if let Some(culprit) = culprit {
                        self.suspect(culprit);
                    }
                }
                Outcome::Failed(index) => {
                    failed = true;
                    let (before, next_culprit, behind) = part.divide(index);
                    parts.push((behind, culprit));
                    parts.push((before, next_culprit));
                }
                // The broker delivers them again.
                Outcome::SubscriptionEnded => {}
            }
        }
        failed
    }

    /// Takes out what is tried alone: events that have failed before, or whose subject has; all of them while the breaker is
    /// open. What was buffered when its subscription ended comes again.
    fn set_aside(&self, batch: Batch) -> Batch {
        let is_open = self.worker.breaker().is_open();
        let (batch, aside) = batch.sift(|delivery, event| {
            let has_failed = delivery.attempts() > 0 || delivery.busy_since_s().is_some();
            delivery.is_ours() && !is_open && !has_failed && !self.suspects.contains(event.metadata.subject)
        });
        for received in aside {
            self.try_alone(received);
        }
        batch
    }

    fn suspect(&mut self, culprit: Received) {
        self.suspects.insert(culprit.1.metadata.subject);
        self.try_alone(culprit);
    }

    fn try_alone(&self, received: Received) {
        if received.0.is_ours() {
            self.worker.try_alone(received);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lane_of;
    use kernel::id;
    use std::collections::HashSet;
    use uuid::Uuid;

    #[test]
    fn a_subject_has_one_lane_and_many_subjects_have_all() {
        let subjects: Vec<_> = (0..1_000).map(|_| id::new()).collect();
        let lanes: HashSet<_> = subjects.iter().map(|subject| lane_of(*subject, 4)).collect();
        assert_eq!(lanes, HashSet::from([0, 1, 2, 3]));
        assert!(
            subjects
                .iter()
                .all(|subject| lane_of(*subject, 4) == lane_of(*subject, 4))
        );
        assert_eq!(lane_of(Uuid::nil(), 4), 0);
    }
}
