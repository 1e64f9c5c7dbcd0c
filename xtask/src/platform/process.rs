//! One view of all processes, for the rules and files that treat servers, support programs, services and the gateway
//! alike.

use std::collections::BTreeMap;

use super::description::{Gateway, Platform, Port, RedisAccess, Server, Service, Support};

pub(super) const GATEWAY: &str = "gateway";

static NO_SETTINGS: BTreeMap<String, String> = BTreeMap::new();

#[derive(Debug)]
pub(super) struct Process<'a> {
    pub(super) name: &'a str,
    pub(super) ports: Vec<Port>,
    pub(super) needs: &'a [String],
    pub(super) calls: &'a [String],
    pub(super) redis: Option<&'a RedisAccess>,
    pub(super) signing_keys: &'a [String],
    pub(super) secrets: &'a [String],
    pub(super) settings: &'a BTreeMap<String, String>,
}

impl Process<'_> {
    fn plain(name: &str, ports: Vec<Port>) -> Process<'_> {
        Process {
            name,
            ports,
            needs: &[],
            calls: &[],
            redis: None,
            signing_keys: &[],
            secrets: &[],
            settings: &NO_SETTINGS,
        }
    }

    pub(super) fn needs(&self, server: &str) -> bool {
        self.needs.iter().any(|need| need == server)
    }
}

/// Every process in the order of start: servers, support programs, services, gateway.
pub(super) fn processes(platform: &Platform) -> Vec<Process<'_>> {
    let servers = platform.servers.iter().map(of_server);
    let support = platform.support.iter().map(of_support);
    let services = platform.services.iter().map(of_service);
    servers
        .chain(support)
        .chain(services)
        .chain([of_gateway(&platform.gateway)])
        .collect()
}

pub(super) fn of_server(server: &Server) -> Process<'_> {
    let port = |port: &Port| Port {
        local: port.local || server.local,
        ..port.clone()
    };
    Process::plain(&server.name, server.ports.iter().map(port).collect())
}

pub(super) fn of_support(support: &Support) -> Process<'_> {
    Process {
        settings: &support.settings,
        ..Process::plain(&support.name, support.ports.clone())
    }
}

pub(super) fn of_service(service: &Service) -> Process<'_> {
    Process {
        needs: &service.needs,
        calls: &service.calls,
        redis: service.redis.as_ref(),
        signing_keys: &service.signing_keys,
        secrets: &service.secrets,
        settings: &service.settings,
        ..Process::plain(&service.name, vec![port_of(&service.name, service.port)])
    }
}

pub(super) fn of_gateway(gateway: &Gateway) -> Process<'_> {
    let ports = vec![
        port_of(GATEWAY, gateway.port),
        port_of("operators", gateway.operators_port),
    ];
    Process {
        needs: &gateway.needs,
        calls: &gateway.calls,
        redis: gateway.redis.as_ref(),
        signing_keys: &gateway.signing_keys,
        settings: &gateway.settings,
        ..Process::plain(GATEWAY, ports)
    }
}

fn port_of(name: &str, port: u16) -> Port {
    Port {
        variable: format!("{}_PORT", variable(name)),
        number: port,
        local: false,
    }
}

/// The process that owns the port of this variable, and the port's number.
pub(super) fn owner<'a>(platform: &'a Platform, variable: &str) -> Option<(&'a str, u16)> {
    processes(platform).iter().find_map(|process| {
        let port = process.ports.iter().find(|port| port.variable == variable)?;
        Some((process.name, port.number))
    })
}

/// The name as part of a variable's: `order-service` → `ORDER_SERVICE`.
pub(super) fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// The same without `-service`: `order-service` → `ORDER`.
pub(super) fn short_variable(name: &str) -> String {
    variable(name.strip_suffix("-service").unwrap_or(name))
}
