//! The fault schedule: the same seed gives the same list.
//!
//! Each round holds every process and every kind of fault at least once, in a new random order, so that a run of some
//! forty faults has touched everything.

use super::fault::{Fault, Route, Server};
use fault_proxy::LinkFault;
use platform_client::description::{Service, services};
use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use std::time::Duration;

/// Time before the first fault: the platform warms up, and the memory of each process is noted.
pub(crate) const WARM_UP: Duration = Duration::from_secs(20);
/// Time between two faults. Most last as long, so that some overlap.
const GAP_S: std::ops::Range<f64> = 8.0..15.0;
const HOLD_S: std::ops::Range<f64> = 3.0..15.0;
/// Longer than two missed heartbeats (10 s each), so that both sides notice.
const LINK_HOLD_S: std::ops::Range<f64> = 10.0..30.0;
/// Beyond the time in which the service, whose connections are closed for it, is back.
const ROUTE_HOLD_S: std::ops::Range<f64> = 30.0..45.0;
const DOWNTIME_S: std::ops::Range<f64> = 2.0..8.0;
const LATENCY_MS: std::ops::Range<u64> = 100..1500;
/// One for each queue that has bindings of its own.
const POISON_KEYS: [&str; 4] = ["order.placed", "order.confirmed", "payment.completed", "user.updated"];

const ROUTES: [Route; 4] = [
    ("order-service", "order.placed"),
    ("order-service", "order.confirmed"),
    ("payment-service", "payment.completed"),
    ("product-service", "inventory.reserved"),
];

/// A fault and its time since the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScheduledFault {
    pub(crate) at: Duration,
    pub(crate) fault: Fault,
}

/// Makes the schedule of a run of this length. `processes` and `links` are the cluster's, by name, in its own order.
pub(crate) fn schedule(seed: u64, length: Duration, processes: &[String], links: &[String]) -> Vec<ScheduledFault> {
    let mut scheduler = FaultScheduler {
        rng: StdRng::seed_from_u64(seed),
        processes,
        links,
        round: 0,
        poisons: 0,
    };
    let mut schedule = Vec::new();
    let mut at = WARM_UP;
    loop {
        for fault in scheduler.round() {
            at += scheduler.seconds(&GAP_S);
            if at > length {
                return schedule;
            }
            schedule.push(ScheduledFault { at, fault });
        }
    }
}

struct FaultScheduler<'a> {
    rng: StdRng,
    processes: &'a [String],
    links: &'a [String],
    round: usize,
    poisons: usize,
}

impl FaultScheduler<'_> {
    fn round(&mut self) -> Vec<Fault> {
        let mut faults = self.of_processes();
        faults.extend(self.of_servers());
        faults.extend(self.of_links());
        faults.extend(self.of_administrators());
        faults.shuffle(&mut self.rng);
        self.round += 1;
        faults
    }

    /// Each process once, in each round by another kind.
    fn of_processes(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, name) in self.processes.iter().enumerate() {
            faults.push(match (index + self.round) % 3 {
                0 => Fault::Kill(name.clone()),
                1 => Fault::Terminate(name.clone()),
                _ => Fault::Pause(name.clone(), self.seconds(&LINK_HOLD_S)),
            });
        }
        faults
    }

    fn of_servers(&mut self) -> Vec<Fault> {
        let all = [Server::Postgres, Server::Redis, Server::Rabbitmq];
        let mut faults = vec![Fault::KillServer(Server::Epmd)];
        for server in all {
            faults.push(Fault::KillServer(server));
            faults.push(Fault::RestartServer(server, self.seconds(&DOWNTIME_S)));
            faults.push(Fault::PauseServer(server, self.seconds(&HOLD_S)));
        }
        faults
    }

    /// Every kind on a link to the broker or to a database, and on any other.
    fn of_links(&mut self) -> Vec<Fault> {
        let latency = Duration::from_millis(self.rng.random_range(LATENCY_MS));
        let mut faults = Vec::new();
        for (number, fault) in [
            LinkFault::Latency(latency),
            LinkFault::Cut,
            LinkFault::HalfOpen,
            LinkFault::AnswersLost,
            LinkFault::RequestsLost,
        ]
        .into_iter()
        .enumerate()
        {
            let server = if (number + self.round).is_multiple_of(2) {
                "rabbitmq"
            } else {
                "postgres"
            };
            for link in [self.link_to(server), self.any_link()] {
                faults.push(Fault::DisturbLink(link, fault, self.seconds(&LINK_HOLD_S)));
            }
        }
        faults.push(Fault::ResetLink(self.link_to("rabbitmq")));
        faults.push(Fault::ResetLink(self.any_link()));
        faults
    }

    fn of_administrators(&mut self) -> Vec<Fault> {
        let service = services().choose(&mut self.rng);
        let key = POISON_KEYS.choose(&mut self.rng).copied().unwrap_or_default();
        let route = ROUTES.choose(&mut self.rng).copied().unwrap_or_default();
        self.poisons += 1;
        vec![
            Fault::RefuseRoute(route, self.seconds(&ROUTE_HOLD_S)),
            Fault::BrokerAlarm(self.seconds(&HOLD_S)),
            Fault::CloseConnections,
            Fault::TerminateBackends(None),
            Fault::TerminateBackends(service.map(Service::database)),
            Fault::RedisPause(self.seconds(&HOLD_S)),
            Fault::RedisFlush,
            Fault::PoisonMessage(key, format!("poison message {}", self.poisons)),
        ]
    }

    fn link_to(&mut self, server: &str) -> String {
        let links: Vec<&String> = self.links.iter().filter(|link| link.ends_with(server)).collect();
        links
            .choose(&mut self.rng)
            .map_or_else(String::new, |link| (*link).clone())
    }

    fn any_link(&mut self) -> String {
        self.links.choose(&mut self.rng).cloned().unwrap_or_default()
    }

    fn seconds(&mut self, range: &std::ops::Range<f64>) -> Duration {
        Duration::from_secs_f64(self.rng.random_range(range.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn names(kind: &str) -> Vec<String> {
        ["postgres", "rabbitmq", "redis"]
            .iter()
            .map(|server| format!("{kind} → {server}"))
            .collect()
    }

    #[test]
    fn a_seed_repeats_its_schedule_and_another_does_not() {
        let (processes, links) = (names("process"), names("link"));
        let length = Duration::from_mins(10);
        let of = |seed| schedule(seed, length, &processes, &links);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn a_round_touches_every_process_and_every_kind() {
        let processes: Vec<String> = (0..17).map(|number| format!("process-{number}")).collect();
        let links = names("link");
        let scheduled = schedule(1, Duration::from_mins(30), &processes, &links);
        for process in &processes {
            assert!(
                scheduled
                    .iter()
                    .any(|scheduled| scheduled.fault.to_string().contains(process.as_str())),
                "{process}"
            );
        }
        let kinds: HashSet<_> = scheduled.iter().map(|scheduled| scheduled.fault.kind()).collect();
        assert_eq!(kinds.len(), 19, "{kinds:?}");
    }
}
