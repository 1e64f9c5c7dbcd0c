//! Checks that belong to this project alone. `cargo xtask tidy` holds the rules that no other tool knows; the other
//! commands compare generated data, the size budget and the history with what is stored.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod budget;
mod commits;
mod licences;
pub mod new_service;
mod output;
mod platform;
mod settings;
pub mod sql;
pub mod tidy;
mod workspace;

pub use workspace::Workspace;

/// The project's own checks.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks sizes, arrows, import circles, prose, contracts, codes and copies. A finding is `path:line: rule: what to do`.
    Tidy,
    /// Checks that commit subjects read `area: imperative` and are short.
    Commits {
        /// The commit after which the check begins.
        #[arg(long)]
        base: Option<String>,
    },
    /// Prints the lines of product, library, harness and tools; fails when harness and tools outgrow the rest.
    Budget,
    /// Checks licences, banned crates and sources with cargo-deny, which it builds into `.run-tools` the first time.
    Deny,
    /// Writes the variables of each binary into the README of its crate.
    Settings {
        /// Compare with the stored tables and change nothing.
        #[arg(long)]
        check: bool,
    },
    /// Writes the files and regions that are generated from `platform.toml`, and compares it with the rest.
    Platform {
        /// Write nothing, and name what is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Makes a small service that works: one event in, one event out, one endpoint, its tests and its registrations.
    ///
    /// `cargo xtask new-service shipping-service --consumes order.confirmed --publishes shipment.dispatched`.
    /// A further event or endpoint is added by hand: CONTRIBUTING.md has a recipe for each.
    NewService(new_service::Options),
    /// Applies each service's migrations to a scratch database and prepares its queries against it.
    Sql {
        /// Compare with the stored `.sqlx` and change nothing.
        #[arg(long)]
        check: bool,
        /// The address of a PostgreSQL, with a user that may create databases.
        #[arg(long, env = "POSTGRES_ADMIN_URL", hide_env_values = true)]
        postgres: String,
        /// The services to prepare; by default all that have migrations.
        services: Vec<String>,
    },
}

/// Runs one command and prints its findings. Success means that there are none.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome = Workspace::find().and_then(|workspace| match command {
        Command::Tidy => {
            let rules = tidy::check(&workspace);
            let findings = rules.iter().map(ToString::to_string);
            Ok(findings.chain(platform::check(&workspace)).collect())
        }
        Command::Commits { base } => commits::check(&workspace, base),
        Command::Budget => Ok(budget::check(&workspace)),
        Command::Deny => licences::check(&workspace),
        Command::Settings { check } => settings::generate(&workspace, check),
        Command::Platform { check } => platform::run(&workspace, check),
        Command::NewService(options) => new_service::create(&workspace, &options),
        Command::Sql {
            check,
            postgres,
            services,
        } => sql::prepare(&workspace, &postgres, &services, check),
    });
    let findings: Vec<String> = outcome.unwrap_or_else(|error| vec![error]);
    for finding in &findings {
        output::print(finding);
    }
    if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
