//! Which program connects to what: the settings that local mode wrote, with each address replaced by a link's.

use super::{PROGRAMS, Program};
use crate::{proxy::Link, trouble::Trouble};
use std::{
    collections::{BTreeMap, HashMap},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where links listen.
const FIRST_PORT: u16 = 27_000;
/// A second instance listens this far above the first.
const INSTANCE_STEP: u16 = 100;
const HOST: &str = "127.0.0.1:";
/// Settings that say where the program itself listens.
const OWN_ADDRESSES: [&str; 4] = ["LISTEN_ADDR", "OPERATORS_ADDR", "SMTP_ADDR", "HTTP_ADDR"];
/// A long run sends more mails than the catcher keeps by default.
const MAILS_MAX: &str = "2000000";

/// What local mode has written down.
#[derive(Debug)]
pub struct Wiring {
    run_dir: PathBuf,
    /// Who listens on which port.
    listeners: HashMap<u16, String>,
}

impl Wiring {
    /// Reads the ports that local mode chose.
    pub fn read(run_dir: &Path) -> Result<Self, Trouble> {
        let ports = std::fs::read_to_string(run_dir.join("ports"))?;
        let listener = |line: &str| {
            let (variable, port) = line.split_once('=')?;
            let name = variable.strip_suffix("_PORT")?.to_lowercase().replace('_', "-");
            Some((port.parse().ok()?, name))
        };
        Ok(Self {
            run_dir: run_dir.to_owned(),
            listeners: ports.lines().filter_map(listener).collect(),
        })
    }

    /// The settings of one instance; the links that they need are opened and added to `links`.
    pub async fn settings(
        &self,
        program: &Program,
        instance: u16,
        links: &mut Vec<Link>,
    ) -> Result<BTreeMap<String, String>, Trouble> {
        let mut settings = self.written_for(program)?;
        let client = super::instance_name(program, instance);
        for (name, value) in &mut settings {
            if OWN_ADDRESSES.contains(&name.as_str()) {
                *value = move_port(value, (instance - 1) * INSTANCE_STEP);
            } else if let Some((before, port, after)) = find_port(value) {
                let addresses = self.ways(program, &client, instance, port, links).await?;
                let values = addresses.iter().map(|address| format!("{before}{address}{after}"));
                *value = values.collect::<Vec<_>>().join(",");
            }
        }
        if program.name == "mail-catcher" {
            settings.insert("MAILS_MAX".to_owned(), MAILS_MAX.to_owned());
        }
        Ok(settings)
    }

    /// The gateways as clients reach them, each by a link of its own.
    pub async fn clients_links(&self, links: &mut Vec<Link>) -> Result<Vec<String>, Trouble> {
        let first = self
            .listeners
            .iter()
            .find(|(_, name)| *name == "gateway")
            .map(|(port, _)| *port);
        let first = first.ok_or_else(|| Trouble::Platform("the gateway has no port".to_owned()))?;
        let mut gateways = Vec::new();
        for instance in 1..=2 {
            let target = loopback(first + (instance - 1) * INSTANCE_STEP);
            let link = Link::open(format!("clients → gateway-{instance}"), target, FIRST_PORT).await?;
            gateways.push(format!("http://{}", link.address));
            links.push(link);
        }
        Ok(gateways)
    }

    /// A gateway goes to every instance of a service; whoever takes one address goes to the instance of its own number.
    async fn ways(
        &self,
        program: &Program,
        client: &str,
        instance: u16,
        port: u16,
        links: &mut Vec<Link>,
    ) -> Result<Vec<SocketAddr>, Trouble> {
        let unknown = || Trouble::Platform(format!("{client} connects to port {port}, where nobody listens"));
        let server = self.listeners.get(&port).ok_or_else(unknown)?;
        let copies = PROGRAMS
            .iter()
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

    /// The file is written for a shell, so a shell reads it.
    fn written_for(&self, program: &Program) -> Result<BTreeMap<String, String>, Trouble> {
        let file = self.run_dir.join("environment").join(program.name);
        let output = Command::new("bash")
            .args(["-c", "set -a; source \"$0\"; env -0"])
            .arg(&file)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(Trouble::Platform(format!("{} cannot be read", file.display())));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let shells_own = ["PWD", "SHLVL", "_", "PATH"];
        Ok(text
            .split('\0')
            .filter_map(|entry| entry.split_once('='))
            .filter(|(name, _)| !shells_own.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
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
    fn finds_the_one_address_in_a_setting() {
        let url = "postgres://order_service:abc@127.0.0.1:15432/order_service";
        let found = find_port(url).expect("it has one");
        assert_eq!(found, ("postgres://order_service:abc@", 15432, "/order_service"));
        assert_eq!(find_port("info"), None);
        assert_eq!(move_port("127.0.0.1:4001", 100), "127.0.0.1:4101");
    }
}
