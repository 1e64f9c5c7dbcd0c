//! Checks that belong to this project alone. `cargo xtask tidy` holds the rules that no other tool knows; `cargo xtask
//! sql` prepares the query data of the services against a real PostgreSQL and compares it.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod licences;
mod platform;
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
    /// Checks sizes, dependencies, names, contracts and copies. One line per finding: `path:line: rule: what to do`.
    Tidy,
    /// Checks licences, banned crates and sources with cargo-deny, which it builds into `.run-tools` the first time.
    Deny,
    /// Writes the files and regions that are generated from `platform.toml`, and compares it with the rest.
    Platform {
        /// Write nothing, and name what is out of date.
        #[arg(long)]
        check: bool,
    },
    /// Applies each service's migrations to a scratch database and prepares its queries against it.
    Sql {
        /// Compare with the stored `.sqlx` and change nothing.
        #[arg(long)]
        check: bool,
        /// Of a PostgreSQL that may create databases.
        #[arg(long, env = "POSTGRES_ADMIN_URL", hide_env_values = true)]
        postgres: String,
        /// Only these services; all that have migrations if none is named.
        services: Vec<String>,
    },
}

/// Runs the program.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome = Workspace::find().and_then(|workspace| match command {
        Command::Tidy => {
            let rules = tidy::check(&workspace);
            let findings = rules.iter().map(ToString::to_string);
            Ok(findings.chain(platform::check(&workspace)).collect())
        }
        Command::Deny => licences::check(&workspace),
        Command::Platform { check } => platform::run(&workspace, check),
        Command::Sql {
            check,
            postgres,
            services,
        } => sql::prepare(&workspace, &postgres, &services, check),
    });
    let findings: Vec<String> = outcome.unwrap_or_else(|error| vec![error]);
    for finding in &findings {
        line(finding);
    }
    if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A closed pipe is no reason to fail.
fn line(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}
