//! A payment provider for development and tests: a real HTTP service that keeps idempotency keys, and whose log of
//! captures, declines, refunds and voids survives `kill -9`.
//!
//! `POST /charges`, `GET /charges/{key}`, `POST /charges/{key}/void`, `POST /refunds`, `GET /refunds/{key}`, `GET /log`,
//! `GET /livez`. The payment method of a charge selects its behaviour, see [`behaviour::Behaviour`].

mod behaviour;
mod config;
mod http;
mod ledger;
mod sandbox;
mod server;

use config::Config;
use ledger::Ledger;
use runtime::{HealthCheck, Program, StartError};
use sandbox::Sandbox;
use std::{
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
};

const PROGRAM: Program = Program {
    name: "sandbox-provider",
    version: env!("CARGO_PKG_VERSION"),
    about: "A payment provider for development and tests, whose behaviour the payment method selects.",
};

fn main() -> ExitCode {
    let health = HealthCheck {
        address: |config: &Config| config.listen_addr,
        path: "/livez",
    };
    runtime::run(PROGRAM, health, async |config: Config, stop| {
        let ledger = Ledger::open(&config.provider_log).map_err(other)?;
        let sandbox = Arc::new(Sandbox::new(ledger, config.slow(), config.stall()));
        let listener = runtime::bind(config.listen_addr).await?;
        listener.local_addr().and_then(announce).map_err(other)?;
        // Nothing to drain: each answer is in the log before it is sent.
        stop.run_until_cancelled(server::serve(listener, http::routes(sandbox)))
            .await;
        Ok(())
    })
}

/// Prints the address: with port 0 in `LISTEN_ADDR`, a test learns the port from this line.
fn announce(address: SocketAddr) -> io::Result<()> {
    writeln!(io::stdout(), "listening on {address}")
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> StartError {
    StartError::Other(Box::new(error))
}
