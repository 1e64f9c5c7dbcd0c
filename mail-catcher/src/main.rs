//! The program `mail-catcher`: runs the catcher until SIGTERM or Ctrl-C.

use clap::Parser;
use mail_catcher::{Config, MailCatcher};
use shared::{config::Env, healthcheck};
use std::{
    io::{self, Write},
    process::ExitCode,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const HEALTHCHECK: &str =
    "`mail-catcher healthcheck` asks the running catcher at HTTP_ADDR and ends with 0 if it answers, else with 1.";

/// Stores every mail it receives and shows it on a web page.
#[derive(Parser)]
#[command(name = "mail-catcher", version, after_help = HEALTHCHECK)]
struct Arguments {
    #[command(flatten)]
    config: Config,
    /// Log filter, as in `info` or `info,mail_catcher=debug`.
    #[arg(long, env = "LOG", default_value = "info", value_parser = parse_log_filter)]
    log: String,
}

fn main() -> ExitCode {
    if let Some(code) = healthcheck::requested(&Env::from_process(), "HTTP_ADDR", "/livez") {
        return code;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // `--help` and `--version`.
        Err(error) if !error.use_stderr() => return error.print().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Err(error) => return fail(&one_line(&error)),
    };
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::new(arguments.log))
        .init();
    match run(&arguments.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

#[tokio::main]
async fn run(config: &Config) -> io::Result<()> {
    let catcher = MailCatcher::bind(config).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = catcher.run() => ended,
        // Nothing to drain: an acknowledged mail is on disk, and the sender repeats one that is not acknowledged.
        _ = terminate.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

fn fail(message: &str) -> ExitCode {
    // A closed standard error leaves no way to report anything.
    writeln!(io::stderr(), "mail-catcher: {message}").ok();
    ExitCode::FAILURE
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
