//! `topology watch`: compares repeatedly, and logs each finding when it appears and when it is resolved.

use crate::{broker::Broker, error::Error, password::Passwords, state::State, topology::Topology};
use age::QueueAges;
use drops::Drops;
use finding::{Finding, Key};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::MissedTickBehavior,
};

mod age;
mod drops;
mod finding;

/// Watches until SIGTERM or Ctrl-C. Fails only if the broker is too old to be checked.
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
    tracing::info!(interval_s = interval.as_secs(), "Topology watch started");
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = terminate.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        }
        match watch.check(broker, topology, passwords).await {
            Err(error @ Error::TooOld(_)) => return Err(error),
            Err(error) => watch.report_unreachable(&error),
            Ok(()) => {}
        }
    }
    tracing::info!("Topology watch stopped");
    Ok(())
}

/// State that is kept from one check to the next.
#[derive(Default)]
struct Watch {
    has_reported: bool,
    active: BTreeMap<Key, Finding>,
    ages: QueueAges,
    drops: Drops,
    /// Queues with unconfirmed dead letters at the last check. Dead letters count as stuck only if some are unconfirmed at
    /// two checks in a row.
    unconfirmed_before: BTreeSet<String>,
}

impl Watch {
    async fn check(&mut self, broker: &Broker, topology: &Topology, passwords: &Passwords) -> Result<(), Error> {
        broker.management.check_version().await?;
        let (state, differences) = broker.compare(topology, Some(passwords)).await?;
        let mut findings = finding::differences(&differences);
        findings.extend(finding::node_alarms(broker).await?);
        if state.operator_has_access {
            findings.extend(finding::unreached_queues(topology, &state));
            findings.extend(finding::queue_alarms(topology, &state));
            findings.extend(self.stuck_dead_letters(&state));
            findings.extend(self.old_messages(topology, &state));
            findings.extend(self.full_queues(topology, &state));
        }
        self.report(findings);
        Ok(())
    }

    fn old_messages(&mut self, topology: &Topology, state: &State) -> Vec<Finding> {
        let now = Instant::now();
        let mut findings = Vec::new();
        for name in topology.queues() {
            let Some(queue) = state.queues.get(name) else { continue };
            let age = self
                .ages
                .observe(name, queue.stats.messages, queue.stats.acknowledged, now);
            findings.extend(finding::oldest_message(name, age, &topology.alarms));
        }
        findings
    }

    /// Lists the queues with a bound that fill, and those that have dropped messages.
    fn full_queues(&mut self, topology: &Topology, state: &State) -> Vec<Finding> {
        let now = Instant::now();
        let mut findings = Vec::new();
        for (service, declared) in &topology.services {
            if let Some((name, bytes_max)) = declared.queue.as_deref().zip(declared.length_bytes_max)
                && let Some(queue) = state.queues.get(name)
            {
                findings.extend(finding::filling(service, name, queue.stats.message_bytes, bytes_max));
                let dropped = self.drops.observe(name, &queue.stats, bytes_max, now);
                findings.extend(finding::dropped(service, name, dropped));
            }
        }
        findings
    }

    fn stuck_dead_letters(&mut self, state: &State) -> Vec<Finding> {
        let queues = state.queues.iter();
        let unconfirmed: BTreeMap<String, u64> = queues
            .map(|(name, queue)| (name.clone(), queue.stats.unconfirmed_dead_letters))
            .filter(|(_, count)| *count > 0)
            .collect();
        let before = std::mem::replace(&mut self.unconfirmed_before, unconfirmed.keys().cloned().collect());
        let stuck = unconfirmed.into_iter().filter(|(name, _)| before.contains(name));
        stuck.map(|(name, count)| finding::stuck(&name, count)).collect()
    }

    /// Reports a failed check once. Everything that could not be checked stays as it was.
    fn report_unreachable(&mut self, error: &Error) {
        let finding = Finding::new("unreachable", "the broker", error.to_string());
        if self.active.insert(finding.key(), finding).is_none() {
            tracing::error!(
                kind = "unreachable",
                subject = "the broker",
                dependency = "rabbitmq",
                error = error as &dyn std::error::Error,
                "Broker could not be checked"
            );
        }
    }

    fn report(&mut self, findings: Vec<Finding>) {
        let current: BTreeMap<Key, Finding> = findings.into_iter().map(|finding| (finding.key(), finding)).collect();
        for (key, finding) in &current {
            if self.active.get(key) != Some(finding) {
                let Finding { kind, subject, detail } = finding;
                tracing::warn!(kind, subject, "Topology finding: {subject}: {detail}");
            }
        }
        for (key, finding) in &self.active {
            if !current.contains_key(key) {
                let Finding { kind, subject, detail } = finding;
                tracing::info!(kind, subject, "Topology finding resolved: {subject}: {detail}");
            }
        }
        if current.is_empty() && (!self.has_reported || !self.active.is_empty()) {
            tracing::info!("No difference and no alarm");
        }
        self.has_reported = true;
        self.active = current;
    }
}
