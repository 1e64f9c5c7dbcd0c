//! PostgreSQL, Redis, RabbitMQ and epmd under local mode's supervisor, and an administrator's actions on each.

use crate::plan::fault::Server;
use platform_client::{
    HarnessError, broker::Broker, environment::Environment, process, settings, supervisor::Supervisor,
};
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use std::{path::PathBuf, time::Duration};
use tokio::{process::Command, time::sleep};

#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) broker: Broker,
    pub(crate) supervisor: Supervisor,
    run_dir: PathBuf,
    /// Address and password of Redis's administrator.
    redis: (String, String),
    postgres: PgPool,
}

impl Servers {
    pub(super) fn new(environment: &Environment) -> Result<Self, HarnessError> {
        let run_dir = environment.run_dir()?;
        Ok(Self {
            broker: Broker::new(environment)?,
            supervisor: Supervisor::new(&run_dir),
            run_dir,
            redis: redis_access(environment.get("REDIS_URL")?)?,
            postgres: environment.pool("POSTGRES_URL")?,
        })
    }

    /// The ids of every process of a server: PostgreSQL has many.
    pub(super) async fn pids(&self, server: Server) -> Vec<u32> {
        let Some(first) = self.supervisor.pid(server.name()).await else {
            return Vec::new();
        };
        let mut pids = process::children(first);
        pids.insert(0, first);
        pids
    }

    /// Sets the share of memory above which the broker raises its alarm: 0 raises it now.
    pub(super) async fn set_broker_memory_limit(&self, share: f64) -> Result<(), HarnessError> {
        let output = Command::new("rabbitmqctl")
            .args(["-q", "set_vm_memory_high_watermark", &share.to_string()])
            .envs(settings::read(&self.run_dir, "rabbitmq")?)
            .output()
            .await?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(HarnessError::Unexpected(format!("rabbitmqctl: {text}")))
    }

    /// Terminates every session of one database, or of all services' databases; returns the number.
    pub(super) async fn terminate_backends(&self, database: Option<&str>) -> Result<usize, HarnessError> {
        let terminated: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where backend_type = 'client backend' and datname like '%\\_service' and ($1::text is null or datname = $1)",
        )
        .bind(database)
        .fetch_all(&self.postgres)
        .await?;
        Ok(terminated.into_iter().filter(|terminated| *terminated).count())
    }

    /// Locks the inbox table of one database for a while, so that deliveries stay unacknowledged.
    pub(crate) async fn hold_inbox(&self, database: &str, hold: Duration) -> Result<(), HarnessError> {
        let options: PgConnectOptions = (*self.postgres.connect_options()).clone();
        let mut connection = PgConnection::connect_with(&options.database(database)).await?;
        sqlx::raw_sql("begin; lock table inbox in access exclusive mode")
            .execute(&mut connection)
            .await?;
        sleep(hold).await;
        Ok(connection.close().await?)
    }

    /// Sends a command that is answered with OK to Redis, as its administrator.
    pub(super) async fn redis(&self, command: &[&str]) -> Result<(), HarnessError> {
        let (address, password) = &self.redis;
        let (host, port) = address.split_once(':').unwrap_or((address, "6379"));
        let output = Command::new("redis-cli")
            .args(["-h", host, "-p", port, "--user", "administrator"])
            .args(command)
            .env("REDISCLI_AUTH", password)
            .output()
            .await?;
        match String::from_utf8_lossy(&output.stdout).trim() {
            "OK" => Ok(()),
            "" => Err(HarnessError::unexpected("redis does not run")),
            refusal => Err(HarnessError::Unexpected(format!("Redis answered: {refusal}"))),
        }
    }
}

/// Address and password out of `redis://user:password@host:port/0`.
fn redis_access(url: &str) -> Result<(String, String), HarnessError> {
    let parts = || {
        let (credentials, rest) = url.strip_prefix("redis://")?.split_once('@')?;
        let (_, password) = credentials.split_once(':')?;
        let address = rest.split('/').next()?;
        Some((address.to_owned(), password.to_owned()))
    };
    parts().ok_or_else(|| HarnessError::unexpected("REDIS_URL cannot be parsed"))
}
