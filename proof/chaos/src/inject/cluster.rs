//! The platform under test: two instances of each service, everything else once, and a [`Link`] on every connection path
//! between a program and a server.
//!
//! The servers (PostgreSQL, Redis, RabbitMQ) run under local mode's supervisor; the programs run under the harness's own
//! supervision, with the settings that local mode wrote for them and with each address replaced by that of a link.

use super::{process::Process, program::Program, servers::Servers, wiring::Wiring};
use fault_proxy::{Link, LinkFault};
use futures_util::future::join_all;
use platform_client::{HarnessError, environment::Environment, poll::poll_until};
use std::{path::Path, time::Duration};

/// Limit for all programs to become ready at the start.
const START_LIMIT: Duration = Duration::from_mins(2);

/// The running platform. Dropping it kills the programs.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) servers: Servers,
    pub(crate) processes: Vec<Process>,
    pub(crate) links: Vec<Link>,
    /// Base URLs of the gateways, through the clients' links.
    pub(crate) gateways: Vec<String>,
}

impl Cluster {
    /// Starts all programs beside running servers, and waits until they are ready.
    pub(crate) async fn start(environment: &Environment, failpoints: Option<&Path>) -> Result<Self, HarnessError> {
        let run_dir = environment.run_dir()?;
        let programs = Program::all();
        let wiring = Wiring::read(&run_dir, &programs)?;
        let mut links = Vec::new();
        let mut processes = Vec::new();
        for program in &programs {
            for instance in 1..=program.instances {
                let mut settings = wiring.settings(program, instance, &mut links).await?;
                if let Some(folder) = failpoints {
                    settings.insert("FAILPOINT_DIR".to_owned(), folder.display().to_string());
                }
                let name = program.instance_name(instance);
                processes.push(Process::start(*program, name, &run_dir, settings)?);
            }
        }
        let cluster = Self {
            gateways: wiring.clients_links(&mut links).await?,
            servers: Servers::new(environment)?,
            processes,
            links,
        };
        cluster.until_ready(START_LIMIT).await?;
        Ok(cluster)
    }

    /// Waits until every process is ready, at most `limit`. The error has the end of each late process's log.
    pub(crate) async fn until_ready(&self, limit: Duration) -> Result<(), HarnessError> {
        let waits = self.processes.iter().map(async |process| {
            match poll_until(limit, async || process.is_ready().await).await {
                Some(_) => None,
                None => Some(format!("{}: {}", process.name, process.condition().await)),
            }
        });
        let late: Vec<String> = join_all(waits).await.into_iter().flatten().collect();
        if late.is_empty() {
            return Ok(());
        }
        let late = late.join("\n");
        Err(HarnessError::Unexpected(format!("not ready within {limit:?}:\n{late}")))
    }

    pub(crate) async fn all_ready(&self) -> bool {
        let ready = join_all(self.processes.iter().map(Process::is_ready)).await;
        ready.into_iter().all(|ready| ready)
    }

    pub(crate) fn heal_links(&self) {
        for link in &self.links {
            link.set(LinkFault::None);
        }
    }

    /// The process of this name, such as `order-service-1`.
    pub(crate) fn process(&self, name: &str) -> Result<&Process, HarnessError> {
        let found = self.processes.iter().find(|process| process.name == name);
        found.ok_or_else(|| HarnessError::Unexpected(format!("there is no process {name}")))
    }

    /// The link of this name, such as `order-service-1 → postgres`.
    pub(crate) fn link(&self, name: &str) -> Result<&Link, HarnessError> {
        let found = self.links.iter().find(|link| link.name == name);
        found.ok_or_else(|| HarnessError::Unexpected(format!("there is no link {name}")))
    }

    /// Stops all programs by SIGTERM, the gateways first, and returns every improper stop.
    pub(crate) async fn stop(&self) -> Vec<String> {
        let (gateways, others): (Vec<_>, Vec<_>) = self
            .processes
            .iter()
            .partition(|process| process.program.name == "gateway");
        let mut wrong = Vec::new();
        for group in [gateways, others] {
            let stops = join_all(group.into_iter().map(Process::stop)).await;
            wrong.extend(stops.into_iter().filter_map(Result::err));
        }
        wrong
    }
}
