//! The program `topology`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::password::Passwords;
use crate::{Broker, Difference, Error, Remedy, Topology, watch};

/// There are differences, or something failed.
const FAILED: u8 = 1;
/// The broker is too old: nothing that this program does can help.
const TOO_OLD: u8 = 2;

const PASSWORDS: &str =
    "Passwords of the services' users come from <NAME>_RABBITMQ_PASSWORD, as in ORDER_SERVICE_RABBITMQ_PASSWORD.";

/// Makes RabbitMQ's exchanges, queues, policies and users what the topology file says.
#[derive(Parser)]
#[command(name = "topology", after_help = PASSWORDS)]
struct Arguments {
    /// Address of the management API.
    #[arg(long, env = "RABBITMQ_MANAGEMENT_URL", default_value = "http://127.0.0.1:15683")]
    management_url: String,
    /// The vhost that holds everything.
    #[arg(long, env = "RABBITMQ_VHOST", default_value = "/")]
    vhost: String,
    /// A user with the tag administrator.
    #[arg(long, env = "RABBITMQ_OPERATOR_USER")]
    operator_user: String,
    /// Better given in the environment: others can read a command line.
    #[arg(long, env = "RABBITMQ_OPERATOR_PASSWORD", hide_env_values = true)]
    operator_password: String,
    /// Another topology file than the one that is compiled in.
    #[arg(long, env = "TOPOLOGY_FILE")]
    topology_file: Option<String>,
    /// How long to wait for the broker.
    #[arg(long, env = "RABBITMQ_WAIT_S", default_value_t = 60)]
    wait_s: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints what `apply` would change.
    Plan,
    /// Creates what is missing and repairs what differs. Never deletes a queue that holds messages.
    Apply,
    /// Compares; exit code 1 if something differs.
    Verify,
    /// Compares for ever and logs what appears and what is gone.
    Watch {
        /// Seconds from one look to the next.
        #[arg(long, env = "WATCH_INTERVAL_S", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
        interval_s: u64,
    },
}

/// Runs the program.
#[tokio::main]
pub async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Exit code 2, clap's own for a wrong command line, has another meaning here.
            let code = if error.use_stderr() {
                ExitCode::from(FAILED)
            } else {
                ExitCode::SUCCESS
            };
            return error.print().map_or(ExitCode::from(FAILED), |()| code);
        }
    };
    match run(&arguments).await {
        Ok(code) => code,
        Err(error) => {
            let code = if matches!(error, Error::TooOld(_)) {
                TOO_OLD
            } else {
                FAILED
            };
            // Nobody is left to tell if standard error is closed.
            writeln!(std::io::stderr(), "topology: {error}").ok();
            ExitCode::from(code)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let topology = topology(arguments)?;
    let passwords = passwords(&topology);
    let broker = Broker::new(&address(arguments)?, &arguments.vhost)?;
    let wait = Duration::from_secs(arguments.wait_s);
    match arguments.command {
        Command::Plan => {
            broker.wait_until_ready(wait).await?;
            plan(&broker.verify(&topology, Some(&passwords)).await?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Apply => {
            require_all(&topology, &passwords)?;
            broker.wait_until_ready(wait).await?;
            let applied = broker.apply(&topology, Some(&passwords)).await?;
            print("repaired", &applied.repaired);
            if applied.repaired.is_empty() {
                line("nothing to do");
            }
            Ok(remaining(&applied.remaining))
        }
        Command::Verify => {
            broker.wait_until_ready(wait).await?;
            let differences = broker.verify(&topology, Some(&passwords)).await?;
            if differences.iter().all(|difference| difference.remedy() == Remedy::Note) {
                line("no difference");
            }
            Ok(remaining(&differences))
        }
        Command::Watch { interval_s } => {
            tracing_subscriber::fmt().json().flatten_event(true).init();
            watch::run(&broker, &topology, &passwords, Duration::from_secs(interval_s)).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn topology(arguments: &Arguments) -> Result<Topology, Error> {
    let Some(path) = &arguments.topology_file else {
        return Topology::load();
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.clone(),
        source,
    })?;
    Topology::parse(&text)
}

fn address(arguments: &Arguments) -> Result<String, Error> {
    let wrong = || Error::Address(arguments.management_url.clone());
    let mut url = reqwest::Url::parse(&arguments.management_url).map_err(|_| wrong())?;
    url.set_username(&arguments.operator_user).map_err(|()| wrong())?;
    url.set_password(Some(&arguments.operator_password))
        .map_err(|()| wrong())?;
    Ok(url.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a tool of its own: the names of the variables come from the topology file"
)]
fn passwords(topology: &Topology) -> Passwords {
    let password = |user: &String| {
        let given = std::env::var(Passwords::variable(user))
            .ok()
            .filter(|password| !password.is_empty());
        given.map(|password| (user.clone(), password))
    };
    topology.services.keys().filter_map(password).collect()
}

fn require_all(topology: &Topology, passwords: &Passwords) -> Result<(), Error> {
    let users: Vec<String> = topology
        .services
        .keys()
        .filter(|user| passwords.get(user).is_none())
        .cloned()
        .collect();
    let variables = users.iter().map(|user| Passwords::variable(user)).collect();
    if users.is_empty() {
        Ok(())
    } else {
        Err(Error::PasswordMissing { users, variables })
    }
}

fn plan(differences: &[Difference]) {
    for difference in differences {
        let lead = match difference.remedy() {
            Remedy::Apply => "would repair",
            Remedy::ByHand => "by hand",
            Remedy::Note => "note",
        };
        line(&format!("{lead}: {difference}"));
    }
    if !differences
        .iter()
        .any(|difference| difference.remedy() == Remedy::Apply)
    {
        line("nothing to do");
    }
}

/// Prints what is left. Notes alone are no failure.
fn remaining(differences: &[Difference]) -> ExitCode {
    let (notes, real): (Vec<_>, Vec<_>) = differences
        .iter()
        .cloned()
        .partition(|difference| difference.remedy() == Remedy::Note);
    print("difference", &real);
    print("note", &notes);
    if real.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

fn print(lead: &str, differences: &[Difference]) {
    for difference in differences {
        line(&format!("{lead}: {difference}"));
    }
}

/// A closed pipe (`topology plan | head`) is no reason to fail.
fn line(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}
