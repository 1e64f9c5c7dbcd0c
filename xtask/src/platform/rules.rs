//! Rules that `platform.toml` has to keep on its own, before anything is generated from it.

use std::collections::{BTreeMap, BTreeSet};

use super::description::Platform;
use super::process::{Process, owner, processes};
use super::setting::{Piece, is_adjustable, pieces};

/// The servers that a process may need: those for which it is given an address, a user and a password.
const SERVERS: [&str; 3] = ["postgres", "rabbitmq", "redis"];

/// A broken rule and the name that it is about.
pub(super) type Broken = (String, String);

pub(super) fn check(platform: &Platform) -> Vec<Broken> {
    let all = processes(platform);
    let mut broken = names(platform, &all);
    broken.extend(ports(&all));
    broken.extend(defaults(&all));
    for process in &all {
        broken.extend(needs(platform, process));
        broken.extend(settings(platform, process));
    }
    broken
}

fn names(platform: &Platform, all: &[Process<'_>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for name in all.iter().map(|process| process.name) {
        if !seen.insert(name) {
            broken.push(about(name, format!("two processes are called `{name}`")));
        }
        if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') {
            broken.push(about(
                name,
                format!("`{name}` must consist of small letters and hyphens"),
            ));
        }
    }
    let nameless = platform
        .services
        .iter()
        .filter(|service| !service.name.ends_with("-service"));
    broken.extend(nameless.map(|service| {
        let advice = format!(
            "`{}` must end in -service, as the names of folders and variables do",
            service.name
        );
        about(&service.name, advice)
    }));
    broken
}

/// No two processes share a variable, a port, or the port that a test platform derives from it.
fn ports(all: &[Process<'_>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut variables = BTreeSet::new();
    let mut owners: BTreeMap<u16, &str> = BTreeMap::new();
    for (name, port) in all
        .iter()
        .flat_map(|process| process.ports.iter().map(|port| (process.name, port)))
    {
        let variable = &port.variable;
        if !variables.insert(variable) || !variable.ends_with("_PORT") {
            broken.push(about(
                name,
                format!("`{variable}` must be one port's variable, and end in _PORT"),
            ));
        }
        if let Some(other) = owners.insert(port.number % 10_000, name) {
            let advice = format!(
                "the last four digits of port {} are also those of a port of {other}",
                port.number
            );
            broken.push(about(name, advice));
        }
    }
    broken
}

/// A setting that a variable replaces has one default, whichever process it is given to.
fn defaults(all: &[Process<'_>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    let mut defaults = BTreeMap::new();
    for process in all {
        for (name, value) in process.settings.iter().filter(|(_, value)| is_adjustable(value)) {
            if *defaults.entry(name).or_insert(value) != value {
                broken.push(about(process.name, format!("{name} has another default elsewhere")));
            }
        }
    }
    broken
}

fn needs(platform: &Platform, process: &Process<'_>) -> Vec<Broken> {
    let name = process.name;
    let mut broken = Vec::new();
    let unknown = process.needs.iter().filter(|need| !SERVERS.contains(&need.as_str()));
    broken.extend(unknown.map(|need| about(name, format!("`{need}` must be one of {}", SERVERS.join(", ")))));
    let missing = process.calls.iter().filter(|called| platform.service(called).is_none());
    broken.extend(missing.map(|called| about(name, format!("`{called}`, which it calls, is no service"))));
    if process.needs("redis") != process.redis.is_some() {
        let advice = "needs `redis` and has rights on Redis (`redis = { keys, commands }`), or neither";
        broken.push(about(name, format!("{name} {advice}")));
    }
    broken
}

fn settings(platform: &Platform, process: &Process<'_>) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (name, value) in process.settings {
        let found = pieces(value).unwrap_or_else(|error| {
            broken.push(about(process.name, format!("{name}: {error}")));
            Vec::new()
        });
        for piece in found {
            let (Piece::Address(port) | Piece::Listen(port)) = piece else {
                continue;
            };
            if !is_programs(platform, port) {
                broken.push(about(
                    process.name,
                    format!("{name}: {port} is no port of a program built here"),
                ));
            }
        }
    }
    broken
}

/// The ports of servers are others inside a container.
fn is_programs(platform: &Platform, port: &str) -> bool {
    owner(platform, port).is_some_and(|(owner, _)| platform.servers.iter().all(|server| server.name != owner))
}

fn about(name: &str, advice: String) -> Broken {
    (name.to_owned(), advice)
}
