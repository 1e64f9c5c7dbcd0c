//! Agreement of `platform.toml` with the hand-written files that name services for reasons of their own: the broker's
//! topology, the gateway's routes, the workspace's members.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::description::Platform;
use super::process::{of_service, processes};
use super::region::hand_written;

pub(super) const TOPOLOGY: &str = "rabbitmq/topology.toml";
pub(super) const ROUTES: &str = "gateway/routes.toml";
pub(super) const MEMBERS: &str = "Cargo.toml";

/// The part of the topology file that the platform depends on.
#[derive(Debug, Deserialize)]
pub(super) struct Topology {
    pub(super) retry_delays_ms: Vec<u64>,
    services: BTreeMap<String, Subscriber>,
}

#[derive(Debug, Deserialize)]
struct Subscriber {
    queue: Option<String>,
}

impl Topology {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("{TOPOLOGY}: {}", error.to_string().trim()))
    }
}

/// The upstreams of the gateway's routes, without the gateway itself.
pub(super) fn upstreams(routes: &str) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Table {
        route: Vec<Route>,
    }
    #[derive(Deserialize)]
    struct Route {
        upstream: String,
    }
    let table: Table = toml::from_str(routes).map_err(|error| format!("{ROUTES}: {}", error.to_string().trim()))?;
    let upstreams = table.route.into_iter().map(|route| route.upstream);
    Ok(upstreams.filter(|name| name != super::process::GATEWAY).collect())
}

/// The services of both files are the same, and consume the same queues.
pub(super) fn with_topology(platform: &Platform, topology: &Topology) -> Vec<(String, String)> {
    let mut broken = Vec::new();
    for service in &platform.services {
        let name = service.name.clone();
        match topology.services.get(&name) {
            None if of_service(service).needs("rabbitmq") => {
                broken.push((
                    name.clone(),
                    format!("{name} needs the broker, and {TOPOLOGY} has no [services.{name}]"),
                ));
            }
            Some(subscriber) if subscriber.queue != service.queue => {
                let words = |queue: &Option<String>| queue.as_deref().unwrap_or("none").to_owned();
                let (here, there) = (words(&service.queue), words(&subscriber.queue));
                broken.push((
                    name.clone(),
                    format!("the queue of {name} is {here} here and {there} in {TOPOLOGY}"),
                ));
            }
            _ => {}
        }
    }
    let unknown = topology.services.keys().filter(|name| platform.service(name).is_none());
    broken.extend(unknown.map(|name| {
        (
            name.clone(),
            format!("{name} of {TOPOLOGY} is no service of the platform"),
        )
    }));
    broken
}

/// Every service is a member of the workspace, and every member that is called like one is a service.
pub(super) fn with_members(platform: &Platform, manifest: &str) -> Result<Vec<(String, String)>, String> {
    #[derive(Deserialize)]
    struct Manifest {
        workspace: Members,
    }
    #[derive(Deserialize)]
    struct Members {
        members: Vec<String>,
    }
    let manifest: Manifest =
        toml::from_str(manifest).map_err(|error| format!("{MEMBERS}: {}", error.to_string().trim()))?;
    let members = manifest.workspace.members;
    let folders: BTreeSet<&str> = members.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let services: BTreeSet<&str> = platform.services.iter().map(|service| service.name.as_str()).collect();
    let members = folders
        .into_iter()
        .filter(|folder| folder.ends_with("-service"))
        .collect();
    let missing = services.difference(&members);
    let unknown = members.difference(&services);
    let missing = missing.map(|name| {
        (
            *name,
            format!("{name} is no member of the workspace: add it to {MEMBERS}"),
        )
    });
    let unknown = unknown.map(|name| {
        (
            *name,
            format!("{name} is a member of the workspace and has no entry here"),
        )
    });
    Ok(missing
        .chain(unknown)
        .map(|(name, advice)| (name.to_owned(), advice))
        .collect())
}

/// Defaults of ports in the hand-written lines of a Compose file (`${REDIS_PORT:-16379}`): line and advice.
pub(super) fn with_ports(platform: &Platform, compose: &str) -> Vec<(usize, String)> {
    let all = processes(platform);
    let ports: BTreeMap<&str, u16> = all
        .iter()
        .flat_map(|process| &process.ports)
        .map(|port| (port.variable.as_str(), port.number))
        .collect();
    let wrong = |(number, line)| {
        let wrong = defaults(line)
            .find(|(variable, default)| ports.get(variable).is_none_or(|port| port.to_string() != *default));
        wrong.map(|(variable, _)| (number, format!("the default of {variable} is another in platform.toml")))
    };
    hand_written(compose).filter_map(wrong).collect()
}

/// The pairs of `${NAME_PORT:-default}` in a line.
fn defaults(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let inside = line.split("${").skip(1).filter_map(|part| part.split('}').next());
    inside
        .filter_map(|inside| inside.split_once(":-"))
        .filter(|(variable, _)| variable.ends_with("_PORT"))
}

/// The hand-written lines that name a service: scripts and Compose files take the names from generated ones.
pub(super) fn without_names(platform: &Platform, text: &str) -> Vec<(usize, String)> {
    let named = |line: &str| platform.services.iter().find(|service| line.contains(&service.name));
    hand_written(text)
        .filter_map(|(number, line)| Some((number, named(line)?)))
        .map(|(number, service)| (number, format!("names {}: take it from platform.toml", service.name)))
        .collect()
}
