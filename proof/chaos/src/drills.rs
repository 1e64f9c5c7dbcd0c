//! Drills: single faults under load, one after the other, each with a figure that must be reached.

use crate::{
    check::process_checks,
    drive::Tally,
    inject::process::{Process, STOP_LIMIT},
    options::Options,
    plan::fault::{Fault, Server},
    report::Report,
    run::{self, Observations, RunContext},
};
use fault_proxy::LinkFault;
use platform_client::{HarnessError, poll::poll_until, process::Signal};
use std::{collections::HashMap, ops::Not, time::Duration};
use tokio::time::{Instant, sleep};

const WARM_UP: Duration = Duration::from_secs(20);
const PAUSE_BETWEEN: Duration = Duration::from_secs(5);
/// Limit for a restarted service to be ready.
const READY_LIMIT: Duration = Duration::from_secs(10);
/// Limit for every consumer to be back after the broker.
const CONSUMERS_LIMIT: Duration = Duration::from_secs(15);
/// Limit for a client to notice a half-open link.
const NOTICE_LIMIT: Duration = Duration::from_secs(25);
const ALARM_LENGTH: Duration = Duration::from_mins(1);
const SUCCESS_MIN: f64 = 0.999;
const DOWNTIME: Duration = Duration::from_secs(10);
/// Limit after which a drill gives up measuring.
const MEASURE_LIMIT: Duration = Duration::from_mins(2);

/// Runs all drills.
pub(crate) async fn run_drills(mut options: Options) -> Result<Report, HarnessError> {
    options.warm_up = WARM_UP;
    let mut report = run::run(options, async |context: &RunContext<'_>| {
        let mut drills = Drills {
            context,
            observations: Observations::default(),
            missed: Vec::new(),
            done: 0,
        };
        drills.all().await?;
        let title = "every drill reached its figure";
        let finding = process_checks::finding("drill", title, drills.done, drills.missed);
        drills.observations.findings.push(finding);
        Ok(drills.observations)
    })
    .await?;
    let applied = process_checks::faults(&report.faults, 0);
    report.verdict.findings.push(applied);
    Ok(report)
}

struct Drills<'a> {
    context: &'a RunContext<'a>,
    observations: Observations,
    missed: Vec<String>,
    done: usize,
}

impl Drills<'_> {
    async fn all(&mut self) -> Result<(), HarnessError> {
        self.alarm().await;
        for process in &self.context.cluster.processes {
            if process.program.is_service() {
                self.end(process, Signal::Kill).await;
                self.end(process, Signal::Term).await;
            }
        }
        self.servers_restart().await?;
        // I16 has its figures.
        let refusal = Fault::RefuseRoute(("order-service", "order.confirmed"), ALARM_LENGTH);
        self.context.inject(refusal).await.ok();
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

    /// Prints and records a measured figure.
    fn record(&mut self, what: String, figure: String, is_reached: bool) {
        eprintln!("{:>7.1} s  {what}: {figure}", self.context.elapsed().as_secs_f64());
        self.done += 1;
        if !is_reached {
            self.missed.push(format!("{what}: {figure}"));
        }
        self.observations.measures.insert(what, figure);
    }

    /// For a minute the broker accepts no message, and the outboxes buffer all.
    async fn alarm(&mut self) {
        let before = self.context.traffic.tally();
        let effect = self.context.inject(Fault::BrokerAlarm(ALARM_LENGTH)).await;
        let success = success(&before, &self.context.traffic.tally());
        let figure = format!("{:.3} % of first tries answered rightly", success * 100.0);
        let what = "API during a broker alarm of 60 s".to_owned();
        self.record(what, figure, effect.is_ok() && success >= SUCCESS_MIN);
        sleep(PAUSE_BETWEEN).await;
    }

    /// Ends a process and measures the time until it has stopped and until its successor is ready.
    async fn end(&mut self, process: &Process, signal: Signal) {
        let starts_before = process.starts().len();
        let requested = Instant::now();
        let fault = match signal {
            Signal::Term => Fault::Terminate(process.name.clone()),
            _ => Fault::Kill(process.name.clone()),
        };
        let effect = self.context.inject(fault).await;
        let successor = || process.starts().get(starts_before).and_then(|start| start.ready_after);
        let ready = poll_until(MEASURE_LIMIT, async || successor().is_some()).await;
        let ready_after = successor().unwrap_or(MEASURE_LIMIT);
        if signal == Signal::Term {
            let exit = process.exits().last().copied();
            let stopped = exit.map_or(MEASURE_LIMIT, |exit| exit.at.saturating_duration_since(requested));
            let proper = effect.as_deref() == Ok("exit code 0") && stopped <= STOP_LIMIT;
            let figure = format!("{} after {stopped:.2?}", effect.unwrap_or_else(|why| why));
            self.record(format!("SIGTERM to {}", process.name), figure, proper);
        }
        let figure = format!("ready {ready_after:.2?} after its start");
        let what = format!("{} after {signal:?}", process.name);
        self.record(what, figure, ready.is_some() && ready_after <= READY_LIMIT);
        sleep(PAUSE_BETWEEN).await;
    }

    /// Each server is stopped in order under load, stays down, and comes back.
    async fn servers_restart(&mut self) -> Result<(), HarnessError> {
        let consumers_before = self.context.cluster.servers.broker.consumers().await?;
        for server in [Server::Postgres, Server::Redis, Server::Rabbitmq] {
            let effect = self.context.inject(Fault::RestartServer(server, DOWNTIME)).await;
            let ready = poll_until(MEASURE_LIMIT, async || self.context.cluster.all_ready().await).await;
            let figure = ready.map_or("not within 2 minutes".to_owned(), |after| format!("{after:.1?}"));
            let what = format!("all ready again after an orderly restart of {}", server.name());
            self.record(what, figure, effect.is_ok() && ready.is_some());
            if server == Server::Rabbitmq {
                self.consumers_back("after that restart", &consumers_before).await;
            }
            sleep(PAUSE_BETWEEN).await;
        }
        // Their application is judged with that of all faults in the end.
        self.context.inject(Fault::KillServer(Server::Rabbitmq)).await.ok();
        self.consumers_back("after kill -9 of the broker", &consumers_before)
            .await;
        self.context.inject(Fault::CloseConnections).await.ok();
        self.consumers_back("after all connections were closed", &consumers_before)
            .await;
        Ok(())
    }

    /// Measures from the broker's first answer to the last consumer; first some consumers must be gone.
    async fn consumers_back(&mut self, when: &str, before: &HashMap<String, u64>) {
        let broker = &self.context.cluster.servers.broker;
        let some_left = async || broker.consumers().await.is_ok_and(|now| now == *before).not();
        let left = poll_until(CONSUMERS_LIMIT, some_left).await;
        let up = poll_until(MEASURE_LIMIT, async || broker.consumers().await.is_ok()).await;
        let back = poll_until(MEASURE_LIMIT, async || {
            broker.consumers().await.is_ok_and(|now| now == *before)
        })
        .await;
        let figure = back.map_or("not within 2 minutes".to_owned(), |after| format!("{after:.1?}"));
        let is_reached = left.is_some() && up.is_some() && back.is_some_and(|after| after <= CONSUMERS_LIMIT);
        self.record(format!("all consumers back {when}"), figure, is_reached);
    }

    /// A link becomes half-open under load. The client has noticed when it gives up a connection; towards the broker,
    /// where it has two and no more, already when it opens another.
    async fn half_open(&mut self, name: &str) -> Result<(), HarnessError> {
        let link = self.context.cluster.link(name)?;
        let in_use = poll_until(MEASURE_LIMIT, async || link.open_connections() > 0).await;
        let (opened_before, given_up_before) = (link.opened(), link.given_up());
        link.set(LinkFault::HalfOpen);
        let is_given_up = async || link.given_up() > given_up_before;
        let noticed = if name.ends_with("rabbitmq") {
            poll_until(MEASURE_LIMIT, async || link.opened() > opened_before).await
        } else {
            poll_until(MEASURE_LIMIT, is_given_up).await
        };
        let closed = poll_until(MEASURE_LIMIT, is_given_up).await;
        link.set(LinkFault::None);
        let figure = noticed.map_or("not within 2 minutes".to_owned(), |after| {
            format!("noticed after {after:.1?}")
        });
        let is_reached = in_use.is_some() && closed.is_some() && noticed.is_some_and(|after| after <= NOTICE_LIMIT);
        self.record(format!("half-open link {name}"), figure, is_reached);
        sleep(PAUSE_BETWEEN).await;
        Ok(())
    }
}

/// The share of requests that were answered rightly at the first try, between two moments.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn success(before: &Tally, after: &Tally) -> f64 {
    let tried = (after.first_tries - before.first_tries) - (after.first_tries_throttled - before.first_tries_throttled);
    let good = after.first_tries_good - before.first_tries_good;
    good as f64 / tried.max(1) as f64
}
