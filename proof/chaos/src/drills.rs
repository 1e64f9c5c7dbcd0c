//! Drills: single faults under load, one after the other, each with a figure that must be reached.

use crate::{
    ends,
    fault::Fault,
    platform::{process, servers::Server, signal::Signal},
    proxy::Trouble as Disturbance,
    report::Report,
    run::{self, Course, Options, Scene},
    traffic::Tally,
    trouble::Trouble,
    waiting::until,
};
use std::{collections::HashMap, ops::Not, time::Duration};
use tokio::time::{Instant, sleep};

const WARM_UP: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(5);
/// A service is ready this long after its restart.
const READY_LIMIT: Duration = Duration::from_secs(10);
/// Every consumer is back this long after the broker.
const CONSUMERS_LIMIT: Duration = Duration::from_secs(15);
/// A link that has gone silent is noticed within this time.
const NOTICE_LIMIT: Duration = Duration::from_secs(25);
const ALARM: Duration = Duration::from_mins(1);
const SUCCESS_MIN: f64 = 0.999;
const AWAY: Duration = Duration::from_secs(10);
/// How long a drill waits for what it measures before it gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs all drills.
pub async fn drills(mut options: Options) -> Result<Report, Trouble> {
    options.warm_up = WARM_UP;
    let mut report = run::run(options, async |scene: &Scene<'_>| {
        let mut drills = Drills {
            scene,
            course: Course::default(),
            missed: Vec::new(),
            done: 0,
        };
        drills.all().await?;
        let title = "every drill reached its figure";
        drills
            .course
            .findings
            .push(ends::finding("drill", title, drills.done, drills.missed));
        Ok(drills.course)
    })
    .await?;
    report.verdict.findings.push(ends::faults(&report.faults, 0));
    Ok(report)
}

struct Drills<'a> {
    scene: &'a Scene<'a>,
    course: Course,
    missed: Vec<String>,
    done: usize,
}

impl Drills<'_> {
    async fn all(&mut self) -> Result<(), Trouble> {
        self.alarm().await;
        for process in &self.scene.platform.processes {
            if process.program.is_service() {
                self.end(process, Signal::Kill).await;
                self.end(process, Signal::Term).await;
            }
        }
        self.servers_restart().await?;
        let links = [
            "order-service-1 → rabbitmq",
            "payment-service-1 → rabbitmq",
            "order-service-1 → postgres",
            "notification-service-1 → postgres",
            "order-service-1 → product-service-1",
            "payment-service-1 → provider",
            "notification-service-1 → smtp",
            "gateway-1 → redis",
            "gateway-1 → order-service-1",
        ];
        for link in links {
            self.half_open(link).await?;
        }
        Ok(())
    }

    /// Says what was measured, and whether that is good enough.
    fn note(&mut self, what: String, figure: String, is_reached: bool) {
        eprintln!("{:>7.1} s  {what}: {figure}", self.scene.elapsed().as_secs_f64());
        self.done += 1;
        if !is_reached {
            self.missed.push(format!("{what}: {figure}"));
        }
        self.course.measures.insert(what, figure);
    }

    /// A minute in which the broker takes nothing: the outboxes take it all.
    async fn alarm(&mut self) {
        let before = self.scene.traffic.tally();
        let seen = self.scene.inflict(&Fault::BrokerAlarm(ALARM)).await;
        let success = success(&before, &self.scene.traffic.tally());
        let figure = format!("{:.3} % of first tries answered well", success * 100.0);
        let what = "API during a broker alarm of 60 s".to_owned();
        self.note(what, figure, seen.is_ok() && success >= SUCCESS_MIN);
        sleep(SETTLE).await;
    }

    /// Ends a process and measures how long it takes to stop, and its successor to be ready.
    async fn end(&mut self, process: &process::Process, signal: Signal) {
        let starts_before = process.starts().len();
        let asked = Instant::now();
        let fault = match signal {
            Signal::Term => Fault::Terminate(process.name.clone()),
            _ => Fault::Kill(process.name.clone()),
        };
        let seen = self.scene.inflict(&fault).await;
        let successor = || process.starts().get(starts_before).and_then(|start| start.ready_after);
        let ready = until(PATIENCE, || async { successor().is_some() }).await;
        let ready_after = successor().unwrap_or(PATIENCE);
        if signal == Signal::Term {
            let end = process.ends().last().copied();
            let stopped = end.map_or(PATIENCE, |end| end.at.saturating_duration_since(asked));
            let proper = seen.as_deref() == Ok("exit code 0") && stopped <= process::STOP_LIMIT;
            let figure = format!("{} after {stopped:.2?}", seen.unwrap_or_else(|why| why));
            self.note(format!("SIGTERM to {}", process.name), figure, proper);
        }
        let figure = format!("ready {ready_after:.2?} after its start");
        let what = format!("{} after {signal:?}", process.name);
        self.note(what, figure, ready.is_some() && ready_after <= READY_LIMIT);
        sleep(SETTLE).await;
    }

    /// Each server is stopped in its proper way under load, stays away, and comes back.
    async fn servers_restart(&mut self) -> Result<(), Trouble> {
        let consumers_before = self.scene.platform.servers.consumers().await?;
        for server in [Server::Postgres, Server::Redis, Server::Rabbitmq] {
            let seen = self.scene.inflict(&Fault::RestartServer(server, AWAY)).await;
            let ready = until(PATIENCE, || self.all_ready()).await;
            let figure = ready.map_or("not within 2 minutes".to_owned(), |after| format!("{after:.1?}"));
            let what = format!("all ready again after a proper restart of {}", server.name());
            self.note(what, figure, seen.is_ok() && ready.is_some());
            if server == Server::Rabbitmq {
                self.consumers_back("after that restart", &consumers_before).await;
            }
            sleep(SETTLE).await;
        }
        // That they were applied is judged with all the others in the end.
        self.scene.inflict(&Fault::KillServer(Server::Rabbitmq)).await.ok();
        self.consumers_back("after kill -9 of the broker", &consumers_before)
            .await;
        self.scene.inflict(&Fault::CloseConnections).await.ok();
        self.consumers_back("after all connections were closed", &consumers_before)
            .await;
        Ok(())
    }

    /// From the broker's first answer to the last consumer; that some went away must be seen first.
    async fn consumers_back(&mut self, when: &str, before: &HashMap<String, u64>) {
        let servers = &self.scene.platform.servers;
        let some_left = || async { servers.consumers().await.is_ok_and(|now| now == *before).not() };
        let left = until(CONSUMERS_LIMIT, some_left).await;
        let up = until(PATIENCE, || async { servers.consumers().await.is_ok() }).await;
        let back = until(PATIENCE, || async {
            servers.consumers().await.is_ok_and(|now| now == *before)
        })
        .await;
        let figure = back.map_or("not within 2 minutes".to_owned(), |after| format!("{after:.1?}"));
        let is_reached = left.is_some() && up.is_some() && back.is_some_and(|after| after <= CONSUMERS_LIMIT);
        self.note(format!("all consumers back {when}"), figure, is_reached);
    }

    /// A link goes silent under load. It is noticed when the client gives up a connection that it has; to the broker, where
    /// there are two and no more, already when it opens another.
    async fn half_open(&mut self, name: &str) -> Result<(), Trouble> {
        let missing = || Trouble::Platform(format!("there is no link {name}"));
        let link = self
            .scene
            .platform
            .links
            .iter()
            .find(|link| link.name == name)
            .ok_or_else(missing)?;
        let in_use = until(PATIENCE, || async { link.open_connections() > 0 }).await;
        let (opened_before, given_up_before) = (link.opened(), link.given_up());
        link.set(Disturbance::HalfOpen);
        let is_given_up = || async { link.given_up() > given_up_before };
        let noticed = if name.ends_with("rabbitmq") {
            until(PATIENCE, || async { link.opened() > opened_before }).await
        } else {
            until(PATIENCE, is_given_up).await
        };
        let closed = until(PATIENCE, is_given_up).await;
        link.set(Disturbance::None);
        let figure = noticed.map_or("not within 2 minutes".to_owned(), |after| {
            format!("noticed after {after:.1?}")
        });
        let is_reached = in_use.is_some() && closed.is_some() && noticed.is_some_and(|after| after <= NOTICE_LIMIT);
        self.note(format!("half-open link {name}"), figure, is_reached);
        sleep(SETTLE).await;
        Ok(())
    }

    async fn all_ready(&self) -> bool {
        let ready = self.scene.platform.processes.iter().map(process::Process::is_ready);
        futures_util::future::join_all(ready)
            .await
            .into_iter()
            .all(|ready| ready)
    }
}

/// The share of requests that were answered well at the first try, between two moments.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn success(before: &Tally, after: &Tally) -> f64 {
    let tried = (after.first_tries - before.first_tries) - (after.first_tries_throttled - before.first_tries_throttled);
    let good = after.first_tries_good - before.first_tries_good;
    good as f64 / tried.max(1) as f64
}
