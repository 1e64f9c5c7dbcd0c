//! The command line.

use crate::{drills, report::Report, run::Options, storm, trouble::Trouble, windows};
use clap::{Parser, Subcommand};
use std::{
    collections::HashMap,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

/// Runs the platform under faults and judges what is left. Started by way of make, which brings up the servers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where each run makes a folder for its report and its history.
    #[arg(long)]
    reports: PathBuf,
    /// Decides everything that is decided by chance; a new one where absent.
    #[arg(long, global = true)]
    seed: Option<u64>,
    /// How many orders arrive in a second.
    #[arg(long, global = true, default_value_t = 20.0)]
    orders_per_s: f64,
    /// How long to wait at the end until nothing moves any more.
    #[arg(long, global = true, default_value_t = 300)]
    patience_s: u64,
    #[command(subcommand)]
    course: Course,
}

#[derive(Debug, Clone, Subcommand)]
enum Course {
    /// Faults of every kind on every process, as the seed deals them.
    Storm {
        /// How long.
        #[arg(long, default_value_t = 10.0)]
        minutes: f64,
    },
    /// Single faults under load, each with a figure that must be reached.
    Drills,
    /// Deaths at each of the places that `docs/failpoints.md` lists. Needs builds of the dev profile.
    Windows {
        /// How often at each.
        #[arg(long, default_value_t = 20)]
        times: usize,
        /// Only at this one, as in `F5`.
        #[arg(long)]
        only: Option<String>,
    },
}

/// The whole of `main`.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("chaos: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(report) => {
            let folder = report.options.folder.display();
            // Nothing is left to be told if standard output is closed.
            drop(writeln!(io::stdout(), "{report}\nThe whole report is in {folder}"));
            report.verdict.exit()
        }
        Err(trouble) => {
            eprintln!("chaos: {trouble}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<Report, Trouble> {
    let course = arguments.course.clone();
    let report = match &course {
        Course::Storm { minutes } => {
            let options = options(&arguments, "storm", &format!("make chaos MINUTES={minutes}"));
            storm::storm(options, Duration::from_secs_f64(minutes * 60.0)).await?
        }
        Course::Drills => drills::drills(options(&arguments, "drills", "make drills")).await?,
        Course::Windows { times, only } => {
            let options = options(&arguments, "windows", &format!("make windows TIMES={times}"));
            windows::windows(options, *times, only.as_deref()).await?
        }
    };
    report.write()?;
    Ok(report)
}

#[expect(
    clippy::disallowed_methods,
    reason = "it stands outside the platform, and reads what `make env` says"
)]
fn options(arguments: &Arguments, name: &'static str, command: &str) -> Options {
    let variables: HashMap<String, String> = std::env::vars().collect();
    let seed = arguments.seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
    let started = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
    let rate = arguments.orders_per_s;
    Options {
        name,
        command: format!("{command} SEED={seed} ORDERS_PER_S={rate}"),
        seed,
        orders_per_s: rate,
        warm_up: Duration::ZERO,
        patience: Duration::from_secs(arguments.patience_s),
        folder: arguments.reports.join(format!("{name}-{seed}-{started}")),
        failpoints: None,
        variables,
    }
}
