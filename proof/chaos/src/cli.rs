//! The command line.

use crate::{drills, options::Options, report::Report, storm, windows};
use clap::{Parser, Subcommand};
use platform_client::{HarnessError, environment::Environment};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

/// Runs the platform under faults and judges the outcome. Started through make, which brings up the servers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder in which each run makes a folder for its report and its history.
    #[arg(long)]
    reports: PathBuf,
    /// Seed of every random decision; a random one if absent.
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// Orders that arrive per second.
    #[arg(long, global = true, default_value_t = 20.0)]
    orders_per_s: f64,
    /// Limit for the platform to become quiescent at the end, in seconds.
    #[arg(long, global = true, default_value_t = 300)]
    patience_s: u64,
    /// Other programs use the machine: the times that orders and events wait are shown and not judged.
    #[arg(long, global = true)]
    shared_machine: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Faults of every kind on every process, as the seed schedules them.
    Storm {
        /// Length in minutes.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
    /// Single faults under load, each with a figure that must be reached.
    Drills,
    /// Crashes at each of the places that `docs/failpoints.md` lists. Needs builds of the dev profile.
    Windows {
        /// Crashes at each place.
        #[arg(long, default_value_t = 20)]
        times: usize,
        /// Only this window, as in `F5`.
        #[arg(long)]
        only: Option<String>,
    },
}

pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("chaos: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&arguments)) {
        Ok(report) => {
            let folder = report.options.folder.display();
            // A closed standard output is no failure of the run.
            drop(writeln!(io::stdout(), "{report}\nThe whole report is in {folder}"));
            if report.holds() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report, HarnessError> {
    let report = match &arguments.command {
        Command::Storm { minutes } => {
            let options = options(arguments, "storm", &format!("make chaos MINUTES={minutes}"));
            storm::run_storm(options, Duration::from_secs_f64(minutes * 60.0)).await?
        }
        Command::Drills => drills::run_drills(options(arguments, "drills", "make drills")).await?,
        Command::Windows { times, only } => {
            let options = options(arguments, "windows", &format!("make windows TIMES={times}"));
            windows::run_windows(options, *times, only.as_deref()).await?
        }
    };
    report.write()?;
    Ok(report)
}

#[expect(clippy::disallowed_methods, reason = "it stands outside the platform")]
fn options(arguments: &Arguments, name: &'static str, command: &str) -> Options {
    let seed = arguments.seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    let started = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
    let rate = arguments.orders_per_s;
    Options {
        name,
        command: format!("{command} SEED={seed} ORDERS_PER_S={rate}"),
        seed,
        orders_per_s: rate,
        warm_up: Duration::ZERO,
        quiescence_limit: Duration::from_secs(arguments.patience_s),
        folder: arguments.reports.join(format!("{name}-{seed}-{started}")),
        failpoints: None,
        judges_waits: !arguments.shared_machine,
        environment: Environment::of_process(),
    }
}
