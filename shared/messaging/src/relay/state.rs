//! What an instance publishes at the moment, for the status page and for the exchange of wake-ups.

use super::table::SHARDS;
use serde::Serialize;
use tokio::sync::watch;

/// The relay's entry on the status page.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayReport {
    /// Number of shards of the outbox that this instance publishes.
    pub shards: usize,
    /// Number of shards in all.
    pub shards_in_all: i32,
}

/// Shared between the relay's session, the wake-ups and the status page.
#[derive(Debug)]
pub(super) struct RelayState {
    shards: watch::Sender<Holding>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Holding {
    shards: usize,
    is_alone: bool,
}

impl Default for RelayState {
    fn default() -> Self {
        Self {
            shards: watch::Sender::new(Holding::default()),
        }
    }
}

impl RelayState {
    /// Notes the shards held, and whether there is no other member.
    pub(super) fn entered(&self, shards: usize, is_alone: bool) {
        let holding = Holding { shards, is_alone };
        self.shards.send_if_modified(|current| {
            let changed = (current.shards, current.is_alone) != (shards, is_alone);
            *current = holding;
            changed
        });
    }

    /// Notes that no shard is held any more.
    pub(super) fn left(&self) {
        self.entered(0, false);
    }

    /// Returns true if this instance publishes everything.
    pub(super) fn is_alone(&self) -> bool {
        self.shards.borrow().is_alone
    }

    /// Waits until [`Self::is_alone`] is `wanted`.
    pub(super) async fn until_alone_is(&self, wanted: bool) {
        let mut shards = self.shards.subscribe();
        // The sender lives in `self`.
        shards.wait_for(|holding| holding.is_alone == wanted).await.ok();
    }

    pub(super) fn report(&self) -> RelayReport {
        RelayReport {
            shards: self.shards.borrow().shards,
            shards_in_all: SHARDS,
        }
    }
}
