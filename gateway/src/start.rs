//! From `main` to a running gateway, and its stop.
//!
//! Not `shared::service`: that brings a database and a broker, and the gateway has neither.

use crate::{
    Gateway,
    config::Config,
    operators::{self, Operators, Services},
    public,
    server::Server,
};
use shared::{config::Env, healthcheck, telemetry};
use std::{future::IntoFuture, io, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// What `sysexits.h` calls a configuration error.
const EXIT_CONFIG: u8 = 78;
/// How long an operator's request may hold up the end.
const OPERATORS_DRAIN: Duration = Duration::from_secs(1);

/// Why the gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The port.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// `REDIS_URL` is of no use.
    #[error("environment variable REDIS_URL has an unusable value: {0}")]
    Redis(#[from] deadpool_redis::redis::RedisError),
    /// The signing key is of no use.
    #[error("environment variable IDENTITY_SIGNING_KEY_FILE names a file without a usable key: {0}")]
    SigningKey(#[from] shared::identity::IdentityError),
    /// The runtime or its signal handling cannot be set up.
    #[error("the operating system refuses: {0}")]
    System(#[from] io::Error),
    /// The operators' port failed.
    #[error("the operators' port failed: {0}")]
    Operators(io::Error),
}

/// The whole `main`. Prints one line when something is wrong at the start; SIGTERM and SIGINT stop it with code 0.
/// With the argument `healthcheck` it asks the running gateway whether it is ready.
pub fn main() -> ExitCode {
    let env = Env::from_process();
    if let Some(code) = healthcheck::requested(&env, "OPERATORS_ADDR", "/readyz") {
        return code;
    }
    let read = env
        .or("LOG", "info".to_owned())
        .and_then(|log| Ok((log, Config::from_env(&env)?)));
    let (log, config) = match read {
        Ok(read) => read,
        Err(error) => return fail(&error, EXIT_CONFIG),
    };
    telemetry::start(&log);
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ (StartError::Redis(_) | StartError::SigningKey(_))) => fail(&error, EXIT_CONFIG),
        Err(error) => fail(&error, 1),
    }
}

#[expect(clippy::print_stderr, reason = "the one line that says why the process ends")]
fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("gateway: {error}");
    ExitCode::from(code)
}

fn serve(config: Config) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let public = bind(config.listen_addr).await?;
        let operators = bind(config.operators_addr).await?;
        let stop = CancellationToken::new();
        tokio::select! {
            ended = run(config, public, operators, stop.clone()) => ended,
            failed = cancel_on_signal(stop) => Err(failed.into()),
        }
    })
}

/// Runs a gateway on listeners that are already bound, until `stop`; for `main` and for tests.
pub async fn run(
    config: Config,
    public_port: TcpListener,
    operators_port: TcpListener,
    stop: CancellationToken,
) -> Result<(), StartError> {
    let services = Services::new(&config.upstreams);
    let gateway = Arc::new(Gateway::new(config)?);
    let server = Server::new(
        public(Arc::clone(&gateway)),
        gateway.limits,
        Arc::clone(&gateway.places),
    );
    let operators = operators::routes(Operators::new(Arc::clone(&gateway), services, stop.clone()));

    // The operators' port stays open while the public one drains, so that the drain can be watched.
    let drained = CancellationToken::new();
    let operators = axum::serve(operators_port, operators).with_graceful_shutdown(drained.clone().cancelled_owned());
    let public = async {
        tokio::select! {
            () = server.run(public_port, stop) => {}
            () = gateway.keys.refresh() => {}
            () = gateway.limiter.sweep() => {}
            () = telemetry::upkeep() => {}
        }
        drained.cancel();
        tokio::time::sleep(OPERATORS_DRAIN).await;
    };
    tokio::select! {
        ended = operators.into_future() => ended.map_err(StartError::Operators)?,
        () = public => {}
    }
    tracing::info!("gateway has stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address, error })
}

/// Returns only if signals cannot be had.
async fn cancel_on_signal(stop: CancellationToken) -> io::Error {
    let (mut terminate, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
    std::future::pending().await
}
