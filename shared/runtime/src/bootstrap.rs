//! From `main` to a running service: migrations, assembly, serving, and a stop that loses nothing.

use crate::{
    base::Base,
    error::StartError,
    healthcheck::HealthCheck,
    program::Program,
    run::{bind, run},
    server::HttpServer,
    service::Service,
    settings::Settings,
};
use futures_util::future::LocalBoxFuture;
use kernel::{chain, failpoint};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use std::{process::ExitCode, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const MIGRATION_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The arguments of a service whose own configuration is `C`.
#[derive(clap::Args)]
struct ServiceArguments<C: clap::Args> {
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    config: C,
}

/// Runs a service until a signal stops it. It is the whole `main` of a service, and is called in its library: the code of
/// async functions is generated where they are first polled, and a program of its own would compile the service once more.
///
/// `assemble` puts the service together from its configuration and the base. SIGTERM and SIGINT stop it within 20 s, with
/// exit code 0. See [`run`] for arguments and exit codes.
pub fn serve<C, A>(program: Program, migrator: &'static Migrator, assemble: A) -> ExitCode
where
    C: clap::Args,
    A: AsyncFnOnce(C, Base) -> Result<Service, StartError>,
{
    let health = HealthCheck {
        address: |arguments: &ServiceArguments<C>| arguments.settings.listen_addr,
        path: "/readyz",
    };
    run(program, health, async |arguments: ServiceArguments<C>, stop| {
        let ServiceArguments { settings, config } = arguments;
        let listener = bind(settings.listen_addr).await?;
        let base = Base::new(program, &settings)?;
        let service = Box::pin(assemble(config, base.clone()));
        run_service(&base, migrator, &settings, service, listener, stop).await
    })
}

/// Runs a service on a listener that is already bound, until `stop`; for [`serve`] and for tests.
///
/// `assembly` is polled only after the migrations. The future is boxed, so that it is compiled here and not in each service.
pub fn run_service<'a>(
    base: &'a Base,
    migrator: &'static Migrator,
    settings: &'a Settings,
    assembly: LocalBoxFuture<'a, Result<Service, StartError>>,
    listener: TcpListener,
    stop: CancellationToken,
) -> LocalBoxFuture<'a, Result<(), StartError>> {
    Box::pin(async move {
        let server = HttpServer::start(settings, listener, stop.clone());
        if migrate(base, migrator, &stop).await? {
            // The assembly may wait for the database as well.
            if let Some(service) = stop.run_until_cancelled(assembly).await {
                service?.run(Arc::clone(&server), stop.clone()).await;
            }
        }
        server.stopped().await;
        base.close().await;
        tracing::info!("Stopped");
        Ok(())
    })
}

/// Applies the migrations, waiting for an unavailable database. Returns `false` if the stop comes first.
async fn migrate(base: &Base, migrator: &Migrator, stop: &CancellationToken) -> Result<bool, StartError> {
    loop {
        match stop.run_until_cancelled(migrate_once(base, migrator)).await {
            None => return Ok(false),
            Some(Ok(())) => return Ok(true),
            Some(Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)))
                if database::error::is_unavailable(&error) =>
            {
                tracing::warn!(
                    dependency = "postgres",
                    error = chain(&error),
                    "Waiting for the database to migrate it"
                );
            }
            Some(Err(error)) => return Err(error.into()),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(MIGRATION_RETRY_INTERVAL) => {}
        }
    }
}

/// Applies the migrations on a connection without the limits of requests: an index on a large table takes its time, and a
/// second instance waits for the first one's migration.
///
/// The lock is held from the first migration to the last, and ends with the connection, also if this process is killed
/// between two of them.
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
