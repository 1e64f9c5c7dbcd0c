//! The run of a program: parses its arguments, starts telemetry and the async runtime, and ends when a signal stops it.

use crate::{
    arguments::{self, Arguments, Command},
    error::StartError,
    healthcheck::{self, HealthCheck},
    program::Program,
    telemetry,
};
use kernel::{chain, failpoint};
use std::{net::SocketAddr, process::ExitCode};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Exit code of a configuration error (`EX_CONFIG` of `sysexits.h`).
const EXIT_CONFIG: u8 = 78;

/// Runs `body` with its parsed configuration until it ends. It is the whole `main` of a program.
///
/// Arguments come from the command line or the environment; a missing or wrong one ends the process with one line and exit
/// code 78. SIGTERM and SIGINT cancel the token that `body` is given. `<program> healthcheck` asks the running process,
/// `<program> check` only parses the configuration.
#[expect(clippy::needless_pass_by_value, reason = "callers write the health check in place")]
pub fn run<C, B>(program: Program, health: HealthCheck<C>, body: B) -> ExitCode
where
    C: clap::Args,
    B: AsyncFnOnce(C, CancellationToken) -> Result<(), StartError>,
{
    let Arguments {
        command,
        process,
        config,
    } = match arguments::parse::<C>(program) {
        Ok(arguments) => arguments,
        Err(arguments::Exit::Done) => return ExitCode::SUCCESS,
        Err(arguments::Exit::Invalid) => return ExitCode::from(EXIT_CONFIG),
    };
    match command {
        None => {}
        Some(Command::Check) => return ExitCode::SUCCESS,
        Some(Command::Healthcheck) => return healthcheck::run(&health, &config),
    }
    failpoint::watch(program.name, process.failpoint_dir);
    telemetry::start(&process.log);
    telemetry::log_panics();
    match block_on(config, body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(program.name, &error),
    }
}

fn block_on<C, B>(config: C, body: B) -> Result<(), StartError>
where
    B: AsyncFnOnce(C, CancellationToken) -> Result<(), StartError>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StartError::Other(error.into()))?;
    let outcome = runtime.block_on(async {
        let stop = CancellationToken::new();
        cancel_on_signal(stop.clone())?;
        body(config, stop).await
    });
    // A thread that still blocks (a name lookup, a password being hashed) does not delay the end.
    runtime.shutdown_background();
    outcome
}

#[expect(clippy::print_stderr, reason = "the one line that says why the process ends")]
fn fail(name: &str, error: &StartError) -> ExitCode {
    let text = chain(error);
    tracing::error!(error = text, "Process cannot run");
    eprintln!("{name}: {text}");
    match error {
        StartError::Setting { .. } => ExitCode::from(EXIT_CONFIG),
        _ => ExitCode::FAILURE,
    }
}

/// Binds an address to listen on.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address, error })
}

#[expect(clippy::disallowed_methods, reason = "the task waits for a signal and cannot fail")]
fn cancel_on_signal(stop: CancellationToken) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("Stopping");
        stop.cancel();
    });
    Ok(())
}
