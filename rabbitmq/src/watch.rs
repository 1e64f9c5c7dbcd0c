//! `topology watch`: compares for ever, and says when something goes wrong and when it is right again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::password::Passwords;
use crate::{Broker, Error, Topology};
use age::Ages;
use finding::{Finding, Key};

mod age;
mod finding;

/// Watches until it is told to stop. Ends with an error only if the broker is too old to be of use.
pub(crate) async fn run(
    broker: &Broker,
    topology: &Topology,
    passwords: &Passwords,
    interval: Duration,
) -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed");
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    tracing::info!(interval_s = interval.as_secs(), "watching the topology");
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = terminate.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        }
        match watch.look(broker, topology, passwords).await {
            Err(error @ Error::TooOld(_)) => return Err(error),
            Err(error) => watch.note_failure(&error),
            Ok(()) => {}
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// What is known from earlier looks.
#[derive(Default)]
struct Watch {
    looked: bool,
    standing: BTreeMap<Key, Finding>,
    ages: Ages,
    /// Queues with unconfirmed dead letters at the last look: they are stuck only if some are there at two looks.
    with_unconfirmed: BTreeSet<String>,
}

impl Watch {
    async fn look(&mut self, broker: &Broker, topology: &Topology, passwords: &Passwords) -> Result<(), Error> {
        broker.management.check_version().await?;
        let (state, differences) = broker.compare(topology, Some(passwords)).await?;
        let mut findings = finding::of_differences(&differences);
        findings.extend(finding::of_nodes(broker).await?);
        if state.operator_may_use_it {
            findings.extend(finding::of_reach(topology, &state));
            findings.extend(finding::of_figures(topology, &state));
            findings.extend(self.stuck(&state));
            let now = Instant::now();
            for queue in topology.queues() {
                let Some(is) = state.queues.get(queue) else { continue };
                let age = self
                    .ages
                    .observe(queue, is.figures.messages, is.figures.acknowledged, now);
                findings.extend(finding::of_age(queue, age, &topology.alarms));
            }
        }
        self.report(findings);
        Ok(())
    }

    fn stuck(&mut self, state: &crate::state::State) -> Vec<Finding> {
        let queues = state.queues.iter().filter(|(_, queue)| queue.figures.stuck > 0);
        let unconfirmed: BTreeMap<_, _> = queues
            .map(|(name, queue)| (name.clone(), queue.figures.stuck))
            .collect();
        let before = std::mem::replace(&mut self.with_unconfirmed, unconfirmed.keys().cloned().collect());
        let stuck = unconfirmed.into_iter().filter(|(name, _)| before.contains(name));
        stuck.map(|(name, count)| finding::of_stuck(&name, count)).collect()
    }

    /// What could not be looked at stays as it was last seen.
    fn note_failure(&mut self, error: &Error) {
        let finding = Finding::new("unreachable", "the broker", error.to_string());
        if self.standing.insert(finding.key(), finding).is_none() {
            tracing::error!(kind = "unreachable", subject = "the broker", "{error}");
        }
    }

    fn report(&mut self, findings: Vec<Finding>) {
        let now: BTreeMap<Key, Finding> = findings.into_iter().map(|finding| (finding.key(), finding)).collect();
        for finding in now
            .values()
            .filter(|finding| self.standing.get(&finding.key()) != Some(*finding))
        {
            tracing::warn!(
                kind = finding.kind,
                subject = finding.subject,
                "{}: {}",
                finding.subject,
                finding.detail
            );
        }
        for gone in self
            .standing
            .values()
            .filter(|finding| !now.contains_key(&finding.key()))
        {
            tracing::info!(
                kind = gone.kind,
                subject = gone.subject,
                "gone: {}: {}",
                gone.subject,
                gone.detail
            );
        }
        if now.is_empty() && (!self.looked || !self.standing.is_empty()) {
            tracing::info!("no difference, no alarm");
        }
        self.looked = true;
        self.standing = now;
    }
}
