//! The acknowledgements of one channel: as few as its delivery tags allow.

use futures_util::future::join_all;
use kernel::chain;
use lapin::{Channel, options::BasicAckOptions, types::DeliveryTag};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// The unacknowledged deliveries of a channel.
#[derive(Debug)]
pub(crate) struct Acknowledgements {
    channel: Channel,
    outstanding: Mutex<BTreeSet<DeliveryTag>>,
    /// Held while acknowledgements are sent: the broker closes a channel that acknowledges a delivery twice, also where the
    /// first time was by a multiple acknowledgement.
    sending: tokio::sync::Mutex<()>,
}

impl Acknowledgements {
    pub(crate) fn new(channel: Channel) -> Self {
        Self {
            channel,
            outstanding: Mutex::default(),
            sending: tokio::sync::Mutex::default(),
        }
    }

    /// Returns true while the channel is open.
    pub(crate) fn is_open(&self) -> bool {
        self.channel.status().connected()
    }

    /// Notes a delivery.
    pub(crate) fn expect(&self, tag: DeliveryTag) {
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        outstanding.insert(tag);
    }

    /// Acknowledges deliveries: by one multiple acknowledgement those below the first that is still outstanding, and the
    /// others each by its own.
    pub(crate) async fn send(&self, tags: Vec<DeliveryTag>) {
        let _sending = self.sending.lock().await;
        let (multiple, single) = {
            let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
            divide(&mut outstanding, tags)
        };
        let acks = multiple.map(|tag| (tag, true)).into_iter();
        let acks = acks.chain(single.into_iter().map(|tag| (tag, false)));
        let sent =
            join_all(acks.map(|(tag, multiple)| self.channel.basic_ack(tag, BasicAckOptions { multiple }))).await;
        if let Some(Err(error)) = sent.into_iter().find(Result::is_err) {
            tracing::info!(
                code = "ack.lost",
                error = chain(&error),
                "Acknowledgement did not reach the broker, which will deliver the message again"
            );
        }
    }
}

/// Takes tags out of those that are outstanding. Returns, of these, the last one that has no outstanding one below it, and the others
/// that do.
fn divide(outstanding: &mut BTreeSet<DeliveryTag>, tags: Vec<DeliveryTag>) -> (Option<DeliveryTag>, Vec<DeliveryTag>) {
    let tags: Vec<_> = tags.into_iter().filter(|tag| outstanding.remove(tag)).collect();
    let first = outstanding.first().copied().unwrap_or(DeliveryTag::MAX);
    let (below, above): (Vec<_>, Vec<_>) = tags.into_iter().partition(|tag| *tag < first);
    (below.into_iter().max(), above)
}

#[cfg(test)]
mod tests {
    use super::divide;
    use std::collections::BTreeSet;

    #[test]
    fn one_acknowledgement_covers_what_has_nothing_outstanding_below_it() {
        let mut outstanding = BTreeSet::from([1, 2, 3, 4, 5, 6]);
        assert_eq!(divide(&mut outstanding, vec![5, 2]), (None, vec![5, 2]));
        assert_eq!(divide(&mut outstanding, vec![3, 1, 6]), (Some(3), vec![6]));
        assert_eq!(divide(&mut outstanding, vec![4]), (Some(4), vec![]));
        assert_eq!(divide(&mut outstanding, vec![4]), (None, vec![]), "a second time");
        assert!(outstanding.is_empty());
        outstanding.insert(7);
        assert_eq!(divide(&mut outstanding, vec![7]), (Some(7), vec![]));
    }
}
