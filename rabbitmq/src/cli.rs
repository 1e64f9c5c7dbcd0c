//! The program `topology`.

use crate::{
    broker::Broker,
    difference::{Difference, Remedy},
    error::Error,
    management::without_credentials,
    password::Passwords,
    topology::Topology,
    watch,
};
use clap::{Parser, Subcommand, error::ErrorKind};
use std::{io::Write as _, process::ExitCode, time::Duration};
use tracing_subscriber::EnvFilter;

#[cfg(test)]
mod tests;

/// Exit code if there are differences, or if the command failed.
const FAILED: u8 = 1;
/// Exit code if the broker is too old for the topology.
const TOO_OLD: u8 = 2;

const PASSWORDS: &str = "Passwords of the services' users are read from <NAME>_RABBITMQ_PASSWORD, as in \
                         ORDER_SERVICE_RABBITMQ_PASSWORD. `apply` requires all of them.";

/// Brings RabbitMQ's exchanges, queues, policies and users to the topology file.
#[derive(Debug, Parser)]
#[command(name = "topology", version, after_help = PASSWORDS)]
struct Arguments {
    /// Address of the management API.
    #[arg(
        long,
        env = "RABBITMQ_MANAGEMENT_URL",
        value_name = "RABBITMQ_MANAGEMENT_URL",
        default_value = "http://127.0.0.1:15683"
    )]
    management_url: String,
    /// Vhost; created if it does not exist.
    #[arg(long, env = "RABBITMQ_VHOST", value_name = "RABBITMQ_VHOST", default_value = "/")]
    vhost: String,
    /// User with the tag administrator.
    #[arg(long, env = "RABBITMQ_OPERATOR_USER", value_name = "RABBITMQ_OPERATOR_USER")]
    operator_user: String,
    /// Password of that user; prefer the variable, since a command line is visible to other users of the machine.
    #[arg(
        long,
        env = "RABBITMQ_OPERATOR_PASSWORD",
        value_name = "RABBITMQ_OPERATOR_PASSWORD",
        hide_env_values = true
    )]
    operator_password: String,
    /// Topology file to use instead of the compiled-in one.
    #[arg(long, env = "TOPOLOGY_FILE", value_name = "TOPOLOGY_FILE")]
    topology_file: Option<String>,
    /// Seconds to wait for the broker to become ready.
    #[arg(long, env = "RABBITMQ_WAIT_S", value_name = "RABBITMQ_WAIT_S", default_value_t = 60)]
    wait_s: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints what `apply` would change.
    Plan,
    /// Creates missing objects and repairs differences. Never deletes a queue that holds messages.
    Apply,
    /// Prints all differences; exit code 1 if there is one.
    Verify,
    /// Compares repeatedly and logs each finding when it appears and when it is resolved.
    Watch {
        /// Seconds from one check to the next.
        #[arg(long, env = "WATCH_INTERVAL_S", value_name = "WATCH_INTERVAL_S", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
        interval_s: u64,
        /// Log filter, as in `info` or `info,rabbitmq=debug`.
        #[arg(long, env = "LOG", value_name = "LOG", default_value = "info", value_parser = parse_log_filter)]
        log: String,
    },
}

/// Parses the command line and the environment, and runs the command.
#[tokio::main]
pub async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // `--help` and `--version`.
        Err(error) if !error.use_stderr() => {
            return error.print().map_or(ExitCode::from(FAILED), |()| ExitCode::SUCCESS);
        }
        // Without any argument the help is the error.
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.print().ok();
            return ExitCode::from(FAILED);
        }
        // Not clap's exit code 2, which here means that the broker is too old.
        Err(error) => return fail(FAILED, &one_line(&error)),
    };
    match run(&arguments).await {
        Ok(code) => code,
        Err(error @ Error::TooOld(_)) => fail(TOO_OLD, &error.to_string()),
        Err(error) => fail(FAILED, &error.to_string()),
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    // A closed standard error leaves no way to report anything.
    writeln!(std::io::stderr(), "topology: {message}").ok();
    ExitCode::from(code)
}

/// Reduces clap's report to its first paragraph, which names the argument, its variable and the reason.
fn one_line(error: &clap::Error) -> String {
    let report = error.to_string();
    let lines: Vec<&str> = report
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

fn parse_log_filter(filter: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(filter).map(|_| filter.to_owned())
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let topology = topology(arguments)?;
    let passwords = passwords(&topology);
    let broker = Broker::new(&management_url(arguments)?, &arguments.vhost)?;
    let wait = Duration::from_secs(arguments.wait_s);
    match &arguments.command {
        Command::Plan => {
            broker.wait_until_ready(wait).await?;
            print_plan(&broker.verify(&topology, Some(&passwords)).await?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Apply => {
            require_all(&topology, &passwords)?;
            broker.wait_until_ready(wait).await?;
            let applied = broker.apply(&topology, Some(&passwords)).await?;
            print_all("repaired", &applied.repaired);
            if applied.repaired.is_empty() {
                print_line("nothing to do");
            }
            Ok(report_remaining(&applied.remaining))
        }
        Command::Verify => {
            broker.wait_until_ready(wait).await?;
            let differences = broker.verify(&topology, Some(&passwords)).await?;
            if differences.iter().all(|difference| difference.remedy() == Remedy::Note) {
                print_line("no difference");
            }
            Ok(report_remaining(&differences))
        }
        Command::Watch { interval_s, log } => {
            tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_env_filter(EnvFilter::new(log))
                .init();
            watch::run(&broker, &topology, &passwords, Duration::from_secs(*interval_s)).await?;
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

fn management_url(arguments: &Arguments) -> Result<String, Error> {
    let invalid = || Error::Address(without_credentials(&arguments.management_url));
    let mut url = reqwest::Url::parse(&arguments.management_url).map_err(|_| invalid())?;
    url.set_username(&arguments.operator_user).map_err(|()| invalid())?;
    url.set_password(Some(&arguments.operator_password))
        .map_err(|()| invalid())?;
    Ok(url.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the names of these variables come from the topology file, so clap cannot declare them"
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

fn print_plan(differences: &[Difference]) {
    for difference in differences {
        let lead = match difference.remedy() {
            Remedy::Apply => "would repair",
            Remedy::Manual => "by hand",
            Remedy::Note => "note",
        };
        print_line(&format!("{lead}: {difference}"));
    }
    if !differences
        .iter()
        .any(|difference| difference.remedy() == Remedy::Apply)
    {
        print_line("nothing to do");
    }
}

/// Prints the remaining differences. Notes alone are no failure.
fn report_remaining(differences: &[Difference]) -> ExitCode {
    let (notes, real): (Vec<_>, Vec<_>) = differences
        .iter()
        .cloned()
        .partition(|difference| difference.remedy() == Remedy::Note);
    print_all("difference", &real);
    print_all("note", &notes);
    if real.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

fn print_all(lead: &str, differences: &[Difference]) {
    for difference in differences {
        print_line(&format!("{lead}: {difference}"));
    }
}

/// Prints a line. A closed pipe (`topology plan | head`) is no failure.
fn print_line(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}
