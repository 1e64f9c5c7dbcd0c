//! The connections between programs: the settings that local mode wrote, with each address replaced by a link's.

use super::program::Program;
use fault_proxy::Link;
use platform_client::{
    HarnessError,
    settings::{self, Settings},
};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// First port of the links.
const FIRST_PORT: u16 = 27_000;
/// Distance of a second instance's port from the first's.
const INSTANCE_STEP: u16 = 100;
const HOST: &str = "127.0.0.1:";
/// Settings with the addresses on which the program itself listens.
const OWN_ADDRESSES: [&str; 4] = ["LISTEN_ADDR", "OPERATORS_ADDR", "SMTP_ADDR", "HTTP_ADDR"];
/// A long run sends more mails than the catcher keeps by default.
const MAILS_MAX: &str = "2000000";

#[derive(Debug)]
pub(super) struct Wiring<'a> {
    run_dir: PathBuf,
    programs: &'a [Program],
    /// Listening program of each port.
    listeners: HashMap<u16, String>,
}

impl<'a> Wiring<'a> {
    /// Reads the ports that local mode chose.
    pub(super) fn read(run_dir: &Path, programs: &'a [Program]) -> Result<Self, HarnessError> {
        let ports = std::fs::read_to_string(run_dir.join("ports"))?;
        let listener = |line: &str| {
            let (variable, port) = line.split_once('=')?;
            let name = variable.strip_suffix("_PORT")?.to_lowercase().replace('_', "-");
            Some((port.parse().ok()?, name))
        };
        Ok(Self {
            run_dir: run_dir.to_owned(),
            programs,
            listeners: ports.lines().filter_map(listener).collect(),
        })
    }

    /// The settings of one instance; the links that they need are opened and added to `links`.
    pub(super) async fn settings(
        &self,
        program: &Program,
        instance: u16,
        links: &mut Vec<Link>,
    ) -> Result<Settings, HarnessError> {
        let mut settings = settings::read(&self.run_dir, program.name)?;
        let client = program.instance_name(instance);
        for (name, value) in &mut settings {
            if OWN_ADDRESSES.contains(&name.as_str()) {
                *value = move_port(value, (instance - 1) * INSTANCE_STEP);
            } else if let Some((before, port, after)) = find_port(value) {
                let addresses = self.links_to(program, &client, instance, port, links).await?;
                let values = addresses.iter().map(|address| format!("{before}{address}{after}"));
                *value = values.collect::<Vec<_>>().join(",");
            }
        }
        if program.name == "mail-catcher" {
            settings.insert("MAILS_MAX".to_owned(), MAILS_MAX.to_owned());
        }
        Ok(settings)
    }

    /// The gateways' URLs for clients, each through a link of its own.
    pub(super) async fn clients_links(&self, links: &mut Vec<Link>) -> Result<Vec<String>, HarnessError> {
        let first = self
            .listeners
            .iter()
            .find(|(_, name)| *name == "gateway")
            .map(|(port, _)| *port);
        let first = first.ok_or_else(|| HarnessError::Unexpected("the gateway has no port".to_owned()))?;
        let mut gateways = Vec::new();
        for instance in 1..=2 {
            let target = loopback(first + (instance - 1) * INSTANCE_STEP);
            let link = Link::open(format!("clients → gateway-{instance}"), target, FIRST_PORT).await?;
            gateways.push(format!("http://{}", link.address));
            links.push(link);
        }
        Ok(gateways)
    }

    /// Opens links to every instance for a gateway; any other program takes one address and gets the instance of its own
    /// number.
    async fn links_to(
        &self,
        program: &Program,
        client: &str,
        instance: u16,
        port: u16,
        links: &mut Vec<Link>,
    ) -> Result<Vec<SocketAddr>, HarnessError> {
        let unknown =
            || HarnessError::Unexpected(format!("{client} connects to port {port}, on which no program listens"));
        let server = self.listeners.get(&port).ok_or_else(unknown)?;
        let mut programs = self.programs.iter();
        let copies = programs
            .find(|other| other.name == *server)
            .map_or(1, |other| other.instances);
        let chosen: Vec<u16> = match (program.name, copies) {
            (_, 1) => vec![1],
            ("gateway", copies) => (1..=copies).collect(),
            _ => vec![instance],
        };
        let mut addresses = Vec::new();
        for copy in chosen {
            let target = loopback(port + (copy - 1) * INSTANCE_STEP);
            let server = if copies == 1 {
                server.clone()
            } else {
                format!("{server}-{copy}")
            };
            let link = Link::open(format!("{client} → {server}"), target, FIRST_PORT).await?;
            addresses.push(link.address);
            links.push(link);
        }
        Ok(addresses)
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Splits a value around its `127.0.0.1:<port>`.
fn find_port(value: &str) -> Option<(&str, u16, &str)> {
    let start = value.find(HOST)?;
    let digits = start + HOST.len();
    let end = value[digits..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(value.len(), |length| digits + length);
    Some((&value[..start], value[digits..end].parse().ok()?, &value[end..]))
}

fn move_port(value: &str, step: u16) -> String {
    find_port(value).map_or_else(
        || value.to_owned(),
        |(before, port, after)| format!("{before}{HOST}{}{after}", port + step),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_a_setting_is_found() {
        let url = "postgres://order_service:abc@127.0.0.1:15432/order_service";
        let found = find_port(url).expect("it has one");
        assert_eq!(found, ("postgres://order_service:abc@", 15432, "/order_service"));
        assert_eq!(find_port("info"), None);
        assert_eq!(move_port("127.0.0.1:4001", 100), "127.0.0.1:4101");
    }
}
