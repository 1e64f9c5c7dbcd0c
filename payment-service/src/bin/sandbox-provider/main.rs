//! A payment provider to develop and test against: a real HTTP service that keeps idempotency keys, and whose log of
//! captures, declines and refunds survives `kill -9`.
//!
//! `POST /charges`, `GET /charges/{key}`, `POST /refunds`, `GET /refunds/{key}`, `GET /log`, `GET /livez`. The payment
//! method of a charge decides how it behaves, see [`behaviour::Behaviour`].

mod behaviour;
mod http;
mod ledger;
mod provider;
mod server;

use ledger::Ledger;
use provider::Provider;
use shared::{
    config::{ConfigError, Env},
    healthcheck,
};
use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

/// Why the provider could not start, or ended.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Ledger(#[from] ledger::OpenError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let env = Env::from_process();
    if let Some(code) = healthcheck::requested(&env, "LISTEN_ADDR", "/livez") {
        return code;
    }
    let Err(error) = run(&env).await else {
        return ExitCode::SUCCESS;
    };
    // Nothing is left to be told if standard error is closed.
    drop(writeln!(std::io::stderr(), "sandbox-provider: {error}"));
    ExitCode::FAILURE
}

async fn run(env: &Env) -> Result<(), StartError> {
    let address: SocketAddr = env.required("LISTEN_ADDR")?;
    let log: PathBuf = env.required("PROVIDER_LOG")?;
    let slow = Duration::from_millis(env.or("SLOW_MS", 2_000)?);
    let stall = Duration::from_millis(env.or("STALL_MS", 20_000)?);
    let provider = Arc::new(Provider::new(Ledger::open(&log)?, slow, stall));
    let listener = tokio::net::TcpListener::bind(address).await?;
    // With port 0 in LISTEN_ADDR this line is how a test learns the port.
    writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
    // Every answer given is already in the log, so there is nothing to finish before the process ends.
    tokio::select! {
        () = server::serve(listener, http::routes(provider)) => Ok(()),
        ended = stop_signal() => Ok(ended?),
    }
}

async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
