//! Command-line arguments, each of which is also an environment variable.
//!
//! clap parses them. What it does not do is here: an empty variable counts as absent, an error is one line that names the
//! variable, and secrets are not printed.

mod message;
mod settings_table;

use crate::{program::Program, telemetry};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use std::{fmt::Write as _, path::PathBuf};

/// The arguments of a program whose own configuration is `C`.
#[derive(Parser)]
pub(crate) struct Arguments<C: Args> {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) process: Process,
    #[command(flatten)]
    pub(crate) config: C,
}

/// Settings of every process.
#[derive(Args)]
pub(crate) struct Process {
    /// Log filter, as in `info` or `info,sqlx=warn`.
    #[arg(long, env = "LOG", default_value = "info", value_parser = telemetry::filter)]
    pub(crate) log: String,
    /// Folder in which tests arm failpoints; ignored by release builds.
    #[arg(long, env = "FAILPOINT_DIR", hide = true)]
    pub(crate) failpoint_dir: Option<PathBuf>,
}

/// A question instead of a run.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Asks the running process whether it is healthy; exit code 0 if it is.
    Healthcheck,
    /// Parses the configuration and ends; exit code 0 if it is valid.
    Check,
}

/// The end of a process that parsed no configuration.
pub(crate) enum Exit {
    /// Help, the version or the settings table was printed.
    Done,
    /// One line about the error was printed.
    Invalid,
}

/// Parses the arguments of this process.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "answers on the command line")]
pub(crate) fn parse<C: Args>(program: Program) -> Result<Arguments<C>, Exit> {
    if std::env::args().nth(1).is_some_and(|first| first == "settings") {
        print!("{}", settings_table::render(&command::<C>(program)));
        return Err(Exit::Done);
    }
    let command = command::<C>(program);
    let parsed = without_empty_variables(command.clone()).try_get_matches();
    let parsed = parsed.and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print!("{error}");
            Exit::Done
        }
        _ => {
            eprintln!("{}: {}", program.name, message::one_line(&command, &error));
            Exit::Invalid
        }
    })
}

/// Parses a configuration from these variables and from no others; for tests. The error is the line that a process prints.
pub fn from_variables<C: Args>(variables: &[(&str, &str)]) -> Result<C, String> {
    // clap names a group after each struct, and a configuration may have this struct's name.
    #[derive(Parser)]
    #[group(skip)]
    struct Only<C: Args> {
        #[command(flatten)]
        config: C,
    }
    let command = Only::<C>::command().no_binary_name(true);
    let mut arguments = Vec::new();
    for (variable, value) in variables.iter().filter(|(_, value)| !value.is_empty()) {
        let named = command
            .get_arguments()
            .find(|argument| argument.get_env().is_some_and(|name| name == *variable));
        if let Some(long) = named.and_then(clap::Arg::get_long) {
            arguments.push(format!("--{long}={value}"));
        }
    }
    let isolated = command.clone().mut_args(|argument| argument.env(None::<&'static str>));
    let parsed = isolated.try_get_matches_from(arguments);
    let parsed = parsed.and_then(|matches| Only::<C>::from_arg_matches(&matches));
    parsed
        .map(|only| only.config)
        .map_err(|error| message::one_line(&command, &error))
}

fn command<C: Args>(program: Program) -> clap::Command {
    let mut after_help = String::from("Each option can be given as the environment variable that stands beside it.");
    writeln!(after_help).ok();
    Arguments::<C>::command()
        .name(program.name)
        .version(program.version)
        .about(program.about)
        .after_help(after_help)
        .subcommand_negates_reqs(false)
        .mut_args(|argument| {
            let secret = argument
                .get_env()
                .is_some_and(|name| message::is_secret(&name.to_string_lossy()));
            argument.hide_env_values(secret)
        })
}

#[expect(clippy::disallowed_methods, reason = "the one place that looks at the environment")]
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let variable = argument.get_env().and_then(std::env::var_os);
        if variable.is_some_and(|value| value.is_empty()) {
            argument.env(None::<&'static str>)
        } else {
            argument
        }
    })
}
