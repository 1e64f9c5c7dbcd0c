//! Batches: the deliveries that go through one transaction.

use crate::{
    delivery::{Delivery, ack_all},
    envelope::Envelope,
};
use kernel::context::Context;

/// A delivery with its event.
pub(super) type Received = (Delivery, Envelope);

/// Deliveries with their events, which stand in the order of their subjects, and within a subject in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Batch {
    deliveries: Vec<Delivery>,
    events: Vec<Envelope>,
}

impl Batch {
    /// Orders what was received. Two instances with events of the same subjects lock their rows in the same order.
    pub(super) fn of(mut received: Vec<Received>) -> Self {
        received.sort_by_key(|(_, event)| event.metadata.subject);
        let (deliveries, events) = received.into_iter().unzip();
        Self { deliveries, events }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn first(&self) -> Option<&Delivery> {
        self.deliveries.first()
    }

    pub(super) fn events(&self) -> &[Envelope] {
        &self.events
    }

    /// Returns the context of what the event at `index` causes.
    pub(super) fn context(&self, index: usize) -> Context {
        self.events[index].context(self.deliveries[index].traceparent())
    }

    /// Divides the batch around the event that cannot be applied with the others; where that is unknown, in the middle.
    pub(super) fn divide(mut self, culprit: Option<usize>) -> (Self, Option<Received>, Self) {
        let index = culprit.unwrap_or(self.len() / 2);
        let mut behind = Self {
            deliveries: self.deliveries.split_off(index),
            events: self.events.split_off(index),
        };
        let taken = culprit.is_some() || behind.len() == 1 && self.events.is_empty();
        let taken = taken.then(|| (behind.deliveries.remove(0), behind.events.remove(0)));
        (self, taken, behind)
    }

    /// Divides the batch into what `keep` accepts and the rest.
    pub(super) fn sift(self, keep: impl Fn(&Delivery, &Envelope) -> bool) -> (Self, Vec<Received>) {
        let received = self.deliveries.into_iter().zip(self.events);
        let (kept, rest): (Vec<_>, Vec<_>) = received.partition(|(delivery, event)| keep(delivery, event));
        let (deliveries, events) = kept.into_iter().unzip();
        (Self { deliveries, events }, rest)
    }

    /// Returns the place of a delivery that a failpoint makes fail.
    pub(super) fn doomed(&self) -> Option<usize> {
        self.deliveries.iter().position(Delivery::is_doomed)
    }

    pub(super) fn into_first(self) -> Option<Delivery> {
        self.deliveries.into_iter().next()
    }

    /// Acknowledges all.
    pub(super) async fn ack(self) {
        ack_all(self.deliveries).await;
    }
}

impl From<Received> for Batch {
    fn from((delivery, event): Received) -> Self {
        Self {
            deliveries: vec![delivery],
            events: vec![event],
        }
    }
}
