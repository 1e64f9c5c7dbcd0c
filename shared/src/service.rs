//! From `main` to a running service: settings, migrations, assembly, serving, and a stop that loses nothing.

mod assembly;
mod base;
mod server;
mod settings;
mod tasks;

pub use assembly::Service;
pub use base::{Base, StartError};
pub use settings::Settings;

use crate::{
    config::{ConfigError, Env},
    failpoint, healthcheck,
    messaging::failure::is_database_away,
    telemetry,
};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// What `sysexits.h` calls a configuration error.
const EXIT_CONFIG: u8 = 78;
const MIGRATION_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The whole `main` of a service. `config` reads the service's own variables, `assemble` wires it; both are short.
///
/// Prints one line and ends with a code other than 0 when a variable is missing or wrong. SIGTERM and SIGINT stop it
/// within 20 s, with code 0. With the argument `healthcheck` it asks the running process whether it is ready.
pub fn main<C, A>(
    name: &'static str,
    migrator: &'static Migrator,
    config: fn(&Env) -> Result<C, ConfigError>,
    assemble: A,
) -> ExitCode
where
    A: AsyncFnOnce(C, Base) -> Result<Service, StartError>,
{
    let env = Env::from_process();
    if let Some(code) = healthcheck::requested(&env, "LISTEN_ADDR", "/readyz") {
        return code;
    }
    let read = failpoint::watch(name, &env)
        .and_then(|()| Settings::from_env(&env))
        .and_then(|settings| Ok((settings, config(&env)?)));
    let (settings, config) = match read {
        Ok(read) => read,
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    telemetry::start(&settings.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{name}: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(serve(name, migrator, settings, config, assemble));
    // Whatever still blocks a thread (a name lookup, a password being hashed) does not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = telemetry::chain(&error), "{name} cannot run");
            eprintln!("{name}: {}", telemetry::chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn serve<C, A>(
    name: &'static str,
    migrator: &'static Migrator,
    settings: Settings,
    config: C,
    assemble: A,
) -> Result<(), StartError>
where
    A: AsyncFnOnce(C, Base) -> Result<Service, StartError>,
{
    let stop = CancellationToken::new();
    let listener = bind(settings.listen_addr).await?;
    watch_signals(stop.clone())?;
    run(name, migrator, settings, config, assemble, listener, stop).await
}

/// Runs a service on a listener that is already bound, until `stop`; for `main` and for tests.
pub async fn run<C, A>(
    name: &'static str,
    migrator: &'static Migrator,
    settings: Settings,
    config: C,
    assemble: A,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), StartError>
where
    A: AsyncFnOnce(C, Base) -> Result<Service, StartError>,
{
    let base = Base::new(name, &settings)?;
    let door = server::Door::open(&base, &settings, listener, stop.clone());
    if migrate(&base, migrator, &stop).await? {
        // It may wait for the database too.
        if let Some(service) = stop.run_until_cancelled(assemble(config, base.clone())).await {
            service?.run(Arc::clone(&door), stop.clone()).await;
        }
    }
    door.closed().await;
    base.close().await;
    tracing::info!("{name} has stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen { address, error })
}

/// Applies the migrations, waiting for a database that is away. `false` if the stop comes first.
async fn migrate(base: &Base, migrator: &Migrator, stop: &CancellationToken) -> Result<bool, StartError> {
    loop {
        match stop.run_until_cancelled(migrate_once(base, migrator)).await {
            None => return Ok(false),
            Some(Ok(())) => return Ok(true),
            Some(Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)))
                if is_database_away(&error) =>
            {
                tracing::warn!(%error, "waiting for the database");
            }
            Some(Err(error)) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(MIGRATION_RETRY_INTERVAL) => {}
        }
    }
}

/// On a connection without the limits that requests have: an index on a large table takes its time, and a second
/// instance waits for the first one's migration. The lock is held from the first migration to the last, and ends with
/// the connection, also if this process is killed between two of them.
async fn migrate_once(base: &Base, migrator: &Migrator) -> Result<(), MigrateError> {
    let mut connection = base.database.connect().await?;
    sqlx::query("select set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
        .execute(&mut connection)
        .await?;
    connection.lock().await?;
    for migration in migrator.iter() {
        migrator.run_to(migration.version, &mut connection).await?;
        failpoint::crash("migration-before-next");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it waits for a signal and cannot fail")]
fn watch_signals(stop: CancellationToken) -> Result<(), StartError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Signals)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    Ok(())
}
