//! From `main` to a running gateway, and its stop.

use crate::{
    config::Config,
    operators::{self, Operators, Services},
    server::Server,
    state::Gateway,
};
use runtime::{HealthCheck, StartError, bind, telemetry};
use std::{future::IntoFuture, process::ExitCode, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longest delay of the end by an operator's request.
const OPERATORS_DRAIN: Duration = Duration::from_secs(1);

/// Runs the gateway until a signal stops it. It is the whole `main`.
pub fn main() -> ExitCode {
    let health = HealthCheck {
        address: |config: &Config| config.operators_addr,
        path: "/readyz",
    };
    runtime::run(runtime::program!(), health, async |config: Config, stop| {
        let public = bind(config.listen_addr).await?;
        let operators = bind(config.operators_addr).await?;
        run(config, public, operators, stop).await
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
    let server = Server::new(Arc::clone(&gateway));
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
        ended = operators.into_future() => ended.map_err(|error| StartError::Other(error.into()))?,
        () = public => {}
    }
    tracing::info!("Stopped");
    Ok(())
}
