//! The platform under fire: two instances of each service, everything else once, and a [`Link`] on every connection
//! path between a program and what it calls.
//!
//! The servers (PostgreSQL, Redis, RabbitMQ) run under local mode's supervisor, see [`servers`]; the programs are
//! supervised here, see [`process`], with the settings that local mode wrote for them and with each address replaced by
//! that of a link, see [`wiring`].

mod probe;
pub mod process;
pub mod servers;
pub mod signal;
pub mod wiring;

use crate::{proxy::Link, trouble::Trouble, waiting::until};
use futures_util::future::join_all;
use process::Process;
use servers::Servers;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// Every program, how often it runs, and where it says whether it is ready.
const PROGRAMS: [Program; 10] = [
    Program::new("user-service", 2, Some("LISTEN_ADDR"), "/readyz"),
    Program::new("product-service", 2, Some("LISTEN_ADDR"), "/readyz"),
    Program::new("order-service", 2, Some("LISTEN_ADDR"), "/readyz"),
    Program::new("payment-service", 2, Some("LISTEN_ADDR"), "/readyz"),
    Program::new("notification-service", 2, Some("LISTEN_ADDR"), "/readyz"),
    Program::new("analytics-service", 2, Some("LISTEN_ADDR"), "/readyz"),
    Program::new("gateway", 2, Some("OPERATORS_ADDR"), "/readyz"),
    Program::new("mail-catcher", 1, Some("HTTP_ADDR"), "/livez"),
    Program::new("sandbox-provider", 1, Some("LISTEN_ADDR"), "/livez"),
    Program::new("topology-watch", 1, None, ""),
];

/// How long everything may take to be ready at the start.
const START_LIMIT: Duration = Duration::from_mins(2);

/// One of the platform's programs.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name in local mode.
    pub name: &'static str,
    /// How many processes of it run.
    pub instances: u16,
    /// The setting that holds the address of its probes.
    probe_setting: Option<&'static str>,
    probe_path: &'static str,
}

impl Program {
    const fn new(
        name: &'static str,
        instances: u16,
        probe_setting: Option<&'static str>,
        probe_path: &'static str,
    ) -> Self {
        Self {
            name,
            instances,
            probe_setting,
            probe_path,
        }
    }

    /// Whether it is one of the services, as opposed to what they call or what watches them.
    pub fn is_service(&self) -> bool {
        self.instances > 1
    }
}

/// Everything that runs. Dropping it kills the programs.
#[derive(Debug)]
pub struct Platform {
    /// PostgreSQL, Redis, RabbitMQ, epmd.
    pub servers: Servers,
    /// The programs' processes.
    pub processes: Vec<Process>,
    /// The ways between them.
    pub links: Vec<Link>,
    /// The gateways as a client reaches them.
    pub gateways: Vec<String>,
    /// What `make env` says.
    pub variables: HashMap<String, String>,
}

impl Platform {
    /// Starts all programs beside servers that run, and waits until they are ready. `variables` are those of `make env`.
    pub async fn start(variables: HashMap<String, String>, failpoints: Option<&Path>) -> Result<Self, Trouble> {
        let run_dir = PathBuf::from(variable(&variables, "RUN_DIR")?);
        let wiring = wiring::Wiring::read(&run_dir)?;
        let mut links = Vec::new();
        let mut processes = Vec::new();
        for program in &PROGRAMS {
            for instance in 1..=program.instances {
                let name = instance_name(program, instance);
                let mut settings = wiring.settings(program, instance, &mut links).await?;
                if let Some(folder) = failpoints {
                    settings.insert("FAILPOINT_DIR".to_owned(), folder.display().to_string());
                }
                processes.push(Process::start(*program, name, &run_dir, settings)?);
            }
        }
        let gateways = wiring.clients_links(&mut links).await?;
        let servers = Servers::new(&run_dir, &variables)?;
        let platform = Self {
            servers,
            processes,
            links,
            gateways,
            variables,
        };
        platform.until_ready(START_LIMIT).await?;
        Ok(platform)
    }

    /// Waits until every process is ready, at most `limit`.
    pub async fn until_ready(&self, limit: Duration) -> Result<(), Trouble> {
        let waits = self.processes.iter().map(async |process| {
            let ready = until(limit, || process.is_ready()).await;
            match ready {
                Some(_) => None,
                None => Some(format!("{}: {}", process.name, process.condition().await)),
            }
        });
        let late: Vec<String> = join_all(waits).await.into_iter().flatten().collect();
        if late.is_empty() {
            return Ok(());
        }
        let late = late.join("\n");
        Err(Trouble::Platform(format!("not ready within {limit:?}:\n{late}")))
    }

    /// Every link as it should be.
    pub fn heal_links(&self) {
        for link in &self.links {
            link.set(crate::proxy::Trouble::None);
        }
    }

    /// The process of this name, e.g. `order-service-1`.
    pub fn process(&self, name: &str) -> Option<&Process> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// Stops all programs in their proper way, the gateways first, and returns what did not end as it should.
    pub async fn stop(&self) -> Vec<String> {
        let (gateways, others): (Vec<_>, Vec<_>) = self
            .processes
            .iter()
            .partition(|process| process.program.name == "gateway");
        let mut wrong = Vec::new();
        for group in [gateways, others] {
            let ends = group.iter().map(|process| process.stop());
            wrong.extend(join_all(ends).await.into_iter().filter_map(Result::err));
        }
        wrong
    }
}

fn instance_name(program: &Program, instance: u16) -> String {
    match program.instances {
        1 => program.name.to_owned(),
        _ => format!("{}-{instance}", program.name),
    }
}

/// A variable of `make env`.
pub(crate) fn variable<'a>(variables: &'a HashMap<String, String>, name: &str) -> Result<&'a str, Trouble> {
    variables
        .get(name)
        .map(String::as_str)
        .ok_or_else(|| Trouble::Platform(format!("{name} is not set: run it by way of make")))
}
