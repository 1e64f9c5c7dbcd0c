//! In-process signals from a commit to the background workers that have work because of it.

use std::{collections::HashMap, sync::Arc};
use tokio::sync::watch;

/// The signals of one process, by topic. Cheap to clone.
///
/// They only save a poll interval: a worker without a signal (another instance committed) finds the rows by polling.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    commits: Arc<watch::Sender<HashMap<&'static str, u64>>>,
}

/// A subscription to one topic.
#[derive(Debug)]
pub struct Signal {
    commits: watch::Receiver<HashMap<&'static str, u64>>,
    topic: &'static str,
    seen: u64,
}

impl Signals {
    /// Wakes the subscribers of `topic`.
    pub fn notify(&self, topic: &'static str) {
        self.commits
            .send_modify(|commits| *commits.entry(topic).or_default() += 1);
    }

    /// Subscribes to `topic`. Signals sent before are not seen.
    pub fn subscribe(&self, topic: &'static str) -> Signal {
        let mut signal = Signal {
            commits: self.commits.subscribe(),
            topic,
            seen: 0,
        };
        signal.clear();
        signal
    }
}

impl Signal {
    /// Marks everything signalled so far as seen. Call it before looking for work: what is signalled during the look wakes
    /// the worker again.
    pub fn clear(&mut self) {
        self.seen = self.count();
    }

    /// Waits for a signal that has not been seen.
    pub async fn notified(&mut self) {
        let (topic, seen) = (self.topic, self.seen);
        let fresh = |commits: &HashMap<&'static str, u64>| commits.get(topic).copied().unwrap_or_default() != seen;
        if self.commits.wait_for(fresh).await.is_err() {
            // The sender lives in the `Database` that the worker itself holds.
            std::future::pending::<()>().await;
        }
    }

    fn count(&self) -> u64 {
        self.commits.borrow().get(self.topic).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_signal_sent_while_the_worker_looks_wakes_it_and_another_topic_does_not() {
        let signals = Signals::default();
        let mut signal = signals.subscribe("outbox");
        signals.notify("charge");
        assert!(timeout(SOON, signal.notified()).await.is_err(), "another topic");
        signal.clear();
        signals.notify("outbox");
        timeout(SOON, signal.notified()).await.expect("the signal is not lost");
        signal.clear();
        assert!(timeout(SOON, signal.notified()).await.is_err(), "seen already");
    }
}
