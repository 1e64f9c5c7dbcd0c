//! The crash windows: a process crashes, or loses an answer, at each of the places that `docs/failpoints.md` lists,
//! again and again, while orders flow. Random kills seldom hit them: most are microseconds wide.

use crate::{
    check::process_checks::{self, ABORTED},
    inject::process::Process,
    options::Options,
    plan::fault::Fault,
    races::{self, PUBLISHERS},
    report::Report,
    run::{self, Observations, RunContext},
};
use platform_client::{HarnessError, description::consumers, poll::poll_until, process::Signal};
use std::{path::Path, time::Duration};
use tokio::time::sleep;

/// Limit for a process to reach an armed failpoint: on a busy machine its queue may hold half a minute of work.
const HIT_LIMIT: Duration = Duration::from_mins(2);
const READY_LIMIT: Duration = Duration::from_mins(1);
const WARM_UP: Duration = Duration::from_secs(10);

use Targets::{EveryConsumer, Only};
use Trigger::{AlsoFailpoint, PoisonMessage, Restart, StopWithUnacknowledged};

/// The cause that brings a process into a window.
#[derive(Debug, Clone, Copy)]
enum Trigger {
    /// The orders that flow anyway.
    Orders,
    /// A delivery that fails once: this failpoint is armed as well.
    AlsoFailpoint(&'static str),
    /// A message that is no event.
    PoisonMessage,
    /// SIGTERM, while a lock keeps deliveries unacknowledged.
    StopWithUnacknowledged,
    Restart,
}

#[derive(Debug, Clone, Copy)]
enum Targets {
    EveryConsumer,
    Only(&'static [&'static str]),
}

/// A window, and the services that are brought into it in turn.
#[derive(Debug)]
struct Window {
    name: &'static str,
    failpoint: &'static str,
    targets: Targets,
    trigger: Trigger,
}

/// Services that handle deliveries one by one, as opposed to batches.
const SINGLE_DELIVERY: Targets = Targets::Only(&[
    "order-service",
    "product-service",
    "payment-service",
    "notification-service",
]);

/// A window that orders bring a process into.
const fn window(name: &'static str, failpoint: &'static str, targets: Targets) -> Window {
    triggered(name, failpoint, targets, Trigger::Orders)
}

const fn triggered(name: &'static str, failpoint: &'static str, targets: Targets, trigger: Trigger) -> Window {
    Window {
        name,
        failpoint,
        targets,
        trigger,
    }
}

impl Window {
    /// At a lost commit the process survives, and loses an answer instead.
    fn crashes(&self) -> bool {
        !self.failpoint.starts_with("commit-")
    }

    fn services(&self) -> Vec<&'static str> {
        match self.targets {
            Targets::EveryConsumer => consumers().map(|service| &*service.name).collect(),
            Targets::Only(services) => services.to_vec(),
        }
    }
}

const WINDOWS: [Window; 17] = [
    window("F1", "order-before-commit", Only(&["order-service"])),
    window("F2", "order-before-reply", Only(&["order-service"])),
    window("F3 lost", "commit-lost", EveryConsumer),
    window("F3 unheard", "commit-unheard", EveryConsumer),
    window("F4", "relay-before-publish", Only(&PUBLISHERS)),
    window("F5", "relay-before-confirm", Only(&PUBLISHERS)),
    window("F6", "relay-before-mark", Only(&PUBLISHERS)),
    window("F7", "consumer-before-begin", EveryConsumer),
    window("F8", "consumer-before-effect", EveryConsumer),
    window("F9", "consumer-before-ack", EveryConsumer),
    triggered(
        "F10",
        "retry-before-ack",
        SINGLE_DELIVERY,
        AlsoFailpoint("consumer-transient"),
    ),
    triggered("F11", "dead-letter-before-ack", EveryConsumer, PoisonMessage),
    window("F12", "charge-before-commit", Only(&["payment-service"])),
    window("F13", "mail-before-commit", Only(&["notification-service"])),
    window("F14", "refund-before-commit", Only(&["payment-service"])),
    triggered("F15", "migration-before-next", EveryConsumer, Restart),
    triggered("F16", "stop-before-last-ack", SINGLE_DELIVERY, StopWithUnacknowledged),
];

/// Forces each window `times` times, or only the one of this name.
pub(crate) async fn run_windows(
    mut options: Options,
    times: usize,
    only: Option<&str>,
) -> Result<Report, HarnessError> {
    options.warm_up = WARM_UP;
    let folder = options.folder.join("failpoints");
    std::fs::create_dir_all(&folder)?;
    options.failpoints = Some(folder.clone());
    let chosen: Vec<&Window> = WINDOWS
        .iter()
        .filter(|window| only.is_none_or(|only| only == window.name))
        .collect();
    if chosen.is_empty() {
        let names = WINDOWS.map(|window| window.name).join(", ");
        return Err(HarnessError::Unexpected(format!(
            "there is no such window; the windows are {names}"
        )));
    }
    let mut report = run::run(options, async |context: &RunContext<'_>| {
        let mut observations = force_all(context, &folder, &chosen, times).await?;
        if only.is_none() {
            races::force(context, &folder).await?;
            observations
                .measures
                .insert("races".to_owned(), races::FORCED.to_owned());
        }
        Ok(observations)
    })
    .await?;
    if !report.faults.is_empty() {
        let applied = process_checks::faults(&report.faults, 0);
        report.verdict.findings.push(applied);
    }
    Ok(report)
}

async fn force_all(
    context: &RunContext<'_>,
    folder: &Path,
    windows: &[&Window],
    times: usize,
) -> Result<Observations, HarnessError> {
    let mut observations = Observations::default();
    let mut missed = Vec::new();
    for window in windows {
        let mut forced = 0;
        let services = window.services();
        for round in 0..times {
            let service = services[round % services.len()];
            match force(context, folder, window, service, round).await {
                Ok(()) => forced += 1,
                Err(error) => missed.push(format!("{} in {service}: {error}", window.name)),
            }
        }
        eprintln!(
            "{:>7.1} s  {} {}: {forced} of {times}",
            context.elapsed().as_secs_f64(),
            window.name,
            window.failpoint
        );
        observations.measures.insert(
            format!("{} {}", window.name, window.failpoint),
            format!("forced {forced} times"),
        );
    }
    let title = "every crash window was forced as often as asked";
    let finding = process_checks::finding("F", title, windows.len() * times, missed);
    observations.findings.push(finding);
    Ok(observations)
}

async fn force(
    context: &RunContext<'_>,
    folder: &Path,
    window: &Window,
    service: &str,
    round: usize,
) -> Result<(), HarnessError> {
    let instances: Vec<&Process> = context
        .cluster
        .processes
        .iter()
        .filter(|process| process.program.name == service)
        .collect();
    let crashes_before = crashes(&instances);
    let file = folder.join(format!("{}@{service}", window.failpoint));
    std::fs::write(&file, "")?;
    fire_trigger(context, folder, window.trigger, service, round).await?;
    let is_hit = || !file.exists() && (!window.crashes() || crashes(&instances) > crashes_before);
    if poll_until(HIT_LIMIT, async || is_hit()).await.is_none() {
        std::fs::remove_file(&file).ok();
        return Err(HarnessError::Unexpected("no process reached the failpoint".to_owned()));
    }
    for instance in instances {
        if poll_until(READY_LIMIT, async || instance.is_ready().await)
            .await
            .is_none()
        {
            return Err(HarnessError::Unexpected(format!(
                "{} is not ready again",
                instance.name
            )));
        }
    }
    Ok(())
}

async fn fire_trigger(
    context: &RunContext<'_>,
    folder: &Path,
    trigger: Trigger,
    service: &str,
    round: usize,
) -> Result<(), HarnessError> {
    let first = || context.cluster.process(&format!("{service}-1"));
    match trigger {
        Trigger::Orders => {}
        AlsoFailpoint(failpoint) => std::fs::write(folder.join(format!("{failpoint}@{service}")), "")?,
        PoisonMessage => {
            let key = match service {
                "order-service" => "payment.completed",
                _ => "order.placed",
            };
            let poison = Fault::PoisonMessage(key, format!("poison message {round} for {service}"));
            context.inject(poison).await.map_err(HarnessError::Unexpected)?;
        }
        StopWithUnacknowledged => {
            let database = service.replace('-', "_");
            let held = context.cluster.servers.hold_inbox(&database, Duration::from_secs(2));
            let stopped = async {
                // Deliveries queue up behind the lock.
                sleep(Duration::from_secs(1)).await;
                first().map(|process| process.end(Signal::Term))
            };
            let (held, stopped) = tokio::join!(held, stopped);
            held?;
            stopped?;
        }
        Restart => drop(first()?.end(Signal::Kill)),
    }
    Ok(())
}

/// Number of crashes by a failpoint.
fn crashes(instances: &[&Process]) -> usize {
    let exits = instances.iter().flat_map(|instance| instance.exits());
    exits.filter(|exit| exit.signal == Some(ABORTED)).count()
}
