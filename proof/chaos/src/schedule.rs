//! Which faults come when: the same seed gives the same list.
//!
//! Faults are dealt from a deck that holds every process and every kind at least once, shuffled anew for each pass, so
//! that a run of some forty faults has touched everything.

use crate::{fault::Fault, platform::servers::Server, proxy::Trouble};
use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use std::time::Duration;

/// Before the first fault: the platform warms up, and the memory of each process is noted.
pub const WARM_UP: Duration = Duration::from_secs(20);
/// Between two faults, on average. Most last as long, so that some overlap.
const GAP_S: std::ops::Range<f64> = 8.0..15.0;
const HOLD_S: std::ops::Range<f64> = 3.0..15.0;
/// Longer than two missed heartbeats (10 s each), so that both sides notice.
const SILENCE_S: std::ops::Range<f64> = 10.0..30.0;
const AWAY_S: std::ops::Range<f64> = 2.0..8.0;
const LATENCY_MS: std::ops::Range<u64> = 100..1500;
const DATABASES: [&str; 6] = [
    "user_service",
    "order_service",
    "product_service",
    "payment_service",
    "notification_service",
    "analytics_service",
];
/// One for each queue that has bindings of its own.
const POISON_KEYS: [&str; 4] = ["order.placed", "order.confirmed", "payment.completed", "user.updated"];

/// A fault and its time, counted from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// When.
    pub at: Duration,
    /// What.
    pub fault: Fault,
}

/// The schedule of a run of this length. `processes` and `links` are the platform's, by name, in its own order.
pub fn plan(seed: u64, length: Duration, processes: &[String], links: &[String]) -> Vec<Planned> {
    let mut dealer = Dealer {
        rng: StdRng::seed_from_u64(seed),
        processes,
        links,
        pass: 0,
        poisons: 0,
    };
    let mut planned = Vec::new();
    let mut at = WARM_UP;
    loop {
        for fault in dealer.deck() {
            at += dealer.seconds(&GAP_S);
            if at > length {
                return planned;
            }
            planned.push(Planned { at, fault });
        }
    }
}

struct Dealer<'a> {
    rng: StdRng,
    processes: &'a [String],
    links: &'a [String],
    pass: usize,
    poisons: usize,
}

impl Dealer<'_> {
    fn deck(&mut self) -> Vec<Fault> {
        let mut deck = self.of_processes();
        deck.extend(self.of_servers());
        deck.extend(self.of_links());
        deck.extend(self.of_administrators());
        deck.shuffle(&mut self.rng);
        self.pass += 1;
        deck
    }

    /// Each process once, in each pass by another kind.
    fn of_processes(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (index, name) in self.processes.iter().enumerate() {
            faults.push(match (index + self.pass) % 3 {
                0 => Fault::Kill(name.clone()),
                1 => Fault::Terminate(name.clone()),
                _ => Fault::Pause(name.clone(), self.seconds(&SILENCE_S)),
            });
        }
        faults
    }

    fn of_servers(&mut self) -> Vec<Fault> {
        let all = [Server::Postgres, Server::Redis, Server::Rabbitmq];
        let mut faults = vec![Fault::KillServer(Server::Epmd)];
        for server in all {
            faults.push(Fault::KillServer(server));
            faults.push(Fault::RestartServer(server, self.seconds(&AWAY_S)));
            faults.push(Fault::PauseServer(server, self.seconds(&HOLD_S)));
        }
        faults
    }

    /// Every kind on a way to the broker and to a database, and on any other way.
    fn of_links(&mut self) -> Vec<Fault> {
        let latency = Duration::from_millis(self.rng.random_range(LATENCY_MS));
        let mut faults = Vec::new();
        for (number, trouble) in [
            Trouble::Latency(latency),
            Trouble::Cut,
            Trouble::HalfOpen,
            Trouble::AnswersLost,
            Trouble::RequestsLost,
        ]
        .into_iter()
        .enumerate()
        {
            let server = if (number + self.pass).is_multiple_of(2) {
                "rabbitmq"
            } else {
                "postgres"
            };
            for link in [self.way_to(server), self.any_way()] {
                faults.push(Fault::Disturb(link, trouble, self.seconds(&SILENCE_S)));
            }
        }
        faults.push(Fault::Reset(self.way_to("rabbitmq")));
        faults.push(Fault::Reset(self.any_way()));
        faults
    }

    fn of_administrators(&mut self) -> Vec<Fault> {
        let database = self.choose(&DATABASES).to_owned();
        let key = self.choose(&POISON_KEYS);
        self.poisons += 1;
        vec![
            Fault::BrokerAlarm(self.seconds(&HOLD_S)),
            Fault::CloseConnections,
            Fault::TerminateBackends(None),
            Fault::TerminateBackends(Some(database)),
            Fault::RedisPause(self.seconds(&HOLD_S)),
            Fault::RedisFlush,
            Fault::Poison(key, format!("rubbish number {}", self.poisons)),
        ]
    }

    fn way_to(&mut self, server: &str) -> String {
        let ways: Vec<&String> = self.links.iter().filter(|link| link.ends_with(server)).collect();
        ways.choose(&mut self.rng)
            .map_or_else(String::new, |link| (*link).clone())
    }

    fn any_way(&mut self) -> String {
        self.links.choose(&mut self.rng).cloned().unwrap_or_default()
    }

    fn choose(&mut self, from: &[&'static str]) -> &'static str {
        from.choose(&mut self.rng).copied().unwrap_or_default()
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
        let of = |seed| plan(seed, length, &processes, &links);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn a_pass_touches_every_process_and_every_kind() {
        let processes: Vec<String> = (0..17).map(|number| format!("process-{number}")).collect();
        let links = names("link");
        let planned = plan(1, Duration::from_mins(30), &processes, &links);
        for process in &processes {
            assert!(
                planned
                    .iter()
                    .any(|planned| planned.fault.to_string().contains(process.as_str())),
                "{process}"
            );
        }
        let kinds: HashSet<_> = planned.iter().map(|planned| planned.fault.kind()).collect();
        assert_eq!(kinds.len(), 18, "{kinds:?}");
    }
}
