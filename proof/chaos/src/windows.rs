//! The crash windows: a process dies, or does not hear an answer, at each of the places that `docs/failpoints.md` lists,
//! again and again, while orders flow. Random kills seldom hit them: most are microseconds wide.

use crate::{
    ends,
    fault::Fault,
    platform::{process::Process, servers::Server, signal::Signal},
    report::Report,
    run::{self, Course, Options, Scene},
    trouble::Trouble,
    waiting::until,
};
use std::{path::Path, time::Duration};
use tokio::time::sleep;

/// How long a failpoint may wait for a process to come by.
const TAKEN_LIMIT: Duration = Duration::from_secs(40);
const READY_LIMIT: Duration = Duration::from_mins(1);
const WARM_UP: Duration = Duration::from_secs(10);

/// What brings a process into a window, beside the orders that flow anyway.
#[derive(Debug, Clone, Copy)]
enum Lure {
    Orders,
    /// A delivery that fails once: this failpoint is armed as well.
    Also(&'static str),
    /// A message that is no event.
    Rubbish,
    /// SIGTERM, while a lock keeps deliveries in hand.
    StopWithDeliveriesInHand,
    /// Another start.
    Restart,
}

/// A window, and the services that are led into it in turn.
#[derive(Debug)]
struct Window {
    name: &'static str,
    failpoint: &'static str,
    services: &'static [&'static str],
    lure: Lure,
    /// Whether the process dies there.
    dies: bool,
}

const PUBLISHERS: &[&str] = &["order-service", "product-service", "payment-service"];
const CONSUMERS: &[&str] = &[
    "order-service",
    "product-service",
    "payment-service",
    "notification-service",
];
const ALL: &[&str] = &[
    "order-service",
    "product-service",
    "payment-service",
    "notification-service",
    "analytics-service",
];

const fn window(
    name: &'static str,
    failpoint: &'static str,
    services: &'static [&'static str],
    lure: Lure,
    dies: bool,
) -> Window {
    Window {
        name,
        failpoint,
        services,
        lure,
        dies,
    }
}

const WINDOWS: [Window; 17] = [
    window("F1", "order-before-commit", &["order-service"], Lure::Orders, true),
    window("F2", "order-before-reply", &["order-service"], Lure::Orders, true),
    window("F3 lost", "commit-lost", ALL, Lure::Orders, false),
    window("F3 unheard", "commit-unheard", ALL, Lure::Orders, false),
    window("F4", "relay-before-publish", PUBLISHERS, Lure::Orders, true),
    window("F5", "relay-before-confirm", PUBLISHERS, Lure::Orders, true),
    window("F6", "relay-before-mark", PUBLISHERS, Lure::Orders, true),
    window("F7", "consumer-before-begin", ALL, Lure::Orders, true),
    window("F8", "consumer-before-effect", ALL, Lure::Orders, true),
    window("F9", "consumer-before-ack", ALL, Lure::Orders, true),
    window(
        "F10",
        "retry-before-ack",
        CONSUMERS,
        Lure::Also("consumer-transient"),
        true,
    ),
    window("F11", "dead-letter-before-ack", ALL, Lure::Rubbish, true),
    window("F12", "charge-before-commit", &["payment-service"], Lure::Orders, true),
    window(
        "F13",
        "mail-before-commit",
        &["notification-service"],
        Lure::Orders,
        true,
    ),
    window("F14", "refund-before-commit", &["payment-service"], Lure::Orders, true),
    window("F15", "migration-before-next", ALL, Lure::Restart, true),
    window(
        "F16",
        "stop-before-last-ack",
        CONSUMERS,
        Lure::StopWithDeliveriesInHand,
        true,
    ),
];

/// Forces each window `times` times, or only the one of this name.
pub async fn windows(mut options: Options, times: usize, only: Option<&str>) -> Result<Report, Trouble> {
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
        return Err(Trouble::Platform(format!("there is no such window; there are {names}")));
    }
    let mut report = run::run(options, async |scene: &Scene<'_>| {
        let mut course = force_all(scene, &folder, &chosen, times).await?;
        if only.is_none() {
            races(scene, &mut course).await;
        }
        Ok(course)
    })
    .await?;
    if !report.faults.is_empty() {
        report.verdict.findings.push(ends::faults(&report.faults, 0));
    }
    Ok(report)
}

async fn force_all(scene: &Scene<'_>, folder: &Path, windows: &[&Window], times: usize) -> Result<Course, Trouble> {
    let mut course = Course::default();
    let mut missed = Vec::new();
    for window in windows {
        let mut forced = 0;
        for round in 0..times {
            let service = window.services[round % window.services.len()];
            match force(scene, folder, window, service, round).await {
                Ok(()) => forced += 1,
                Err(trouble) => missed.push(format!("{} in {service}: {trouble}", window.name)),
            }
        }
        eprintln!(
            "{:>7.1} s  {} {}: {forced} of {times}",
            scene.elapsed().as_secs_f64(),
            window.name,
            window.failpoint
        );
        course.measures.insert(
            format!("{} {}", window.name, window.failpoint),
            format!("forced {forced} times"),
        );
    }
    let title = "every crash window was forced as often as asked";
    course
        .findings
        .push(ends::finding("F", title, windows.len() * times, missed));
    Ok(course)
}

async fn force(scene: &Scene<'_>, folder: &Path, window: &Window, service: &str, round: usize) -> Result<(), Trouble> {
    let instances: Vec<&Process> = scene
        .platform
        .processes
        .iter()
        .filter(|process| process.program.name == service)
        .collect();
    let deaths_before = deaths(&instances);
    let file = folder.join(format!("{}@{service}", window.failpoint));
    std::fs::write(&file, "")?;
    lure(scene, folder, window.lure, service, round).await?;
    let is_taken = || !file.exists() && (!window.dies || deaths(&instances) > deaths_before);
    if until(TAKEN_LIMIT, || async { is_taken() }).await.is_none() {
        std::fs::remove_file(&file).ok();
        return Err(Trouble::Platform("no process came by".to_owned()));
    }
    for instance in instances {
        if until(READY_LIMIT, || instance.is_ready()).await.is_none() {
            return Err(Trouble::Platform(format!("{} is not ready again", instance.name)));
        }
    }
    Ok(())
}

async fn lure(scene: &Scene<'_>, folder: &Path, lure: Lure, service: &str, round: usize) -> Result<(), Trouble> {
    let first = || {
        let name = format!("{service}-1");
        scene
            .platform
            .process(&name)
            .ok_or_else(|| Trouble::Platform(format!("there is no {name}")))
    };
    match lure {
        Lure::Orders => {}
        Lure::Also(failpoint) => std::fs::write(folder.join(format!("{failpoint}@{service}")), "")?,
        Lure::Rubbish => {
            let key = match service {
                "order-service" => "payment.completed",
                _ => "order.placed",
            };
            let rubbish = Fault::Poison(key, format!("rubbish number {round} for {service}"));
            scene.inflict(&rubbish).await.map_err(Trouble::Platform)?;
        }
        Lure::StopWithDeliveriesInHand => {
            let database = service.replace('-', "_");
            let held = scene.platform.servers.hold_inbox(&database, Duration::from_secs(2));
            let stopped = async {
                // Deliveries gather behind the lock.
                sleep(Duration::from_secs(1)).await;
                first().map(|process| process.end(Signal::Term))
            };
            let (held, stopped) = tokio::join!(held, stopped);
            held?;
            stopped?;
        }
        Lure::Restart => drop(first()?.end(Signal::Kill)),
    }
    Ok(())
}

/// Situations in which events overtake each other or answers come late. They need no failpoint, only time.
async fn races(scene: &Scene<'_>, course: &mut Course) {
    let while_held = Duration::from_secs(8);
    for held in ["product-service-1", "payment-service-1", "sandbox-provider"] {
        scene.inflict(&Fault::Pause(held.to_owned(), while_held)).await.ok();
        sleep(Duration::from_secs(2)).await;
    }
    // What a publisher takes for published while the broker listens to nobody dies with it.
    let alarm = Fault::BrokerAlarm(while_held);
    let kills = async {
        sleep(while_held / 2).await;
        for publisher in PUBLISHERS {
            for instance in 1..=2 {
                scene
                    .inflict(&Fault::Kill(format!("{publisher}-{instance}")))
                    .await
                    .ok();
            }
        }
    };
    tokio::join!(async { scene.inflict(&alarm).await.ok() }, kills);
    scene.inflict(&Fault::KillServer(Server::Rabbitmq)).await.ok();
    course.measures.insert(
        "races".to_owned(),
        "participants held up, then killed during a broker alarm".to_owned(),
    );
}

/// Deaths by a failpoint.
fn deaths(instances: &[&Process]) -> usize {
    let ends = instances.iter().flat_map(|instance| instance.ends());
    ends.filter(|end| end.signal == Some(ends::ABORTED)).count()
}
