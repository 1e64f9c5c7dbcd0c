//! PostgreSQL, Redis, RabbitMQ and epmd: local mode's processes, and what an administrator can do to each.

use super::{
    signal::{self, Signal},
    variable,
};
use crate::{trouble::Trouble, waiting::until};
use reqwest::Method;
use serde_json::Value;
use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{process::Command, time::sleep};

const REQUEST_LIMIT: Duration = Duration::from_secs(10);
const CHANGE_LIMIT: Duration = Duration::from_mins(1);

/// A server, as local mode's supervisor names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Server {
    /// The services' databases.
    Postgres,
    /// Sessions and token buckets.
    Redis,
    /// The broker.
    Rabbitmq,
    /// Erlang's port mapper.
    Epmd,
}

impl Server {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
            Self::Epmd => "epmd",
        }
    }
}

/// The administrator's access to all of them.
#[derive(Debug)]
pub struct Servers {
    run_dir: PathBuf,
    http: reqwest::Client,
    management: String,
    operator: (String, String),
    vhost: String,
    redis: (String, String),
    postgres: PgPool,
}

impl Servers {
    /// With the addresses and passwords of `make env`.
    pub fn new(run_dir: &Path, variables: &HashMap<String, String>) -> Result<Self, Trouble> {
        let text = |name| variable(variables, name).map(str::to_owned);
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(REQUEST_LIMIT);
        Ok(Self {
            run_dir: run_dir.to_owned(),
            http: crate::http::client(REQUEST_LIMIT)?,
            management: text("RABBITMQ_MANAGEMENT_URL")?,
            operator: (text("RABBITMQ_OPERATOR_USER")?, text("RABBITMQ_OPERATOR_PASSWORD")?),
            vhost: text("RABBITMQ_VHOST")?,
            redis: redis_access(variable(variables, "REDIS_URL")?)?,
            postgres: pool.connect_lazy(variable(variables, "POSTGRES_URL")?)?,
        })
    }

    /// Its process id, if it runs.
    pub async fn pid(&self, server: Server) -> Option<u32> {
        let output = Command::new("s6-svstat")
            .args(["-o", "pid"])
            .arg(self.service(server))
            .output()
            .await
            .ok()?;
        // s6 says -1 for a process that is down.
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }

    /// Every process of it: PostgreSQL is many.
    pub async fn pids(&self, server: Server) -> Vec<u32> {
        let Some(first) = self.pid(server).await else {
            return Vec::new();
        };
        let children = Command::new("pgrep").args(["-P", &first.to_string()]).output().await;
        let text = children
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
            .unwrap_or_default();
        std::iter::once(first)
            .chain(text.lines().filter_map(|line| line.parse().ok()))
            .collect()
    }

    /// Kills it as `kill -9` would, and waits until its supervisor has brought up another.
    pub async fn kill(&self, server: Server) -> Result<(), Trouble> {
        let pid = self.pid(server).await.ok_or_else(|| away(server))?;
        signal::send(pid, Signal::Kill);
        self.until(server, |now| now.is_some_and(|now| now != pid)).await
    }

    /// Stops it in its proper way and keeps it down.
    pub async fn stop(&self, server: Server) -> Result<(), Trouble> {
        self.control(server, "-d").await?;
        self.until(server, |now| now.is_none()).await
    }

    /// Lets it run again.
    pub async fn start(&self, server: Server) -> Result<(), Trouble> {
        self.control(server, "-u").await?;
        self.until(server, |now| now.is_some()).await
    }

    /// Sets the share of memory above which the broker raises its alarm: 0 raises it now.
    pub async fn set_broker_memory_limit(&self, share: f64) -> Result<(), Trouble> {
        let script = "set -a; source \"$0\"; exec rabbitmqctl -q set_vm_memory_high_watermark \"$1\"";
        let output = Command::new("bash")
            .args(["-c", script])
            .arg(self.run_dir.join("environment/rabbitmq"))
            .arg(share.to_string())
            .output()
            .await?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Trouble::Platform(format!("rabbitmqctl: {text}")))
    }

    /// Whether the broker blocks publishers now.
    pub async fn has_alarm(&self) -> Result<bool, Trouble> {
        let answer = self.manage(Method::GET, "/api/health/checks/alarms").send().await?;
        Ok(!answer.status().is_success())
    }

    /// The broker's connections, as its management API shows them.
    pub async fn connections(&self) -> Result<Vec<Value>, Trouble> {
        let answer = self
            .manage(Method::GET, "/api/connections")
            .send()
            .await?
            .error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Closes every connection to the broker, as an operator would; returns how many.
    pub async fn close_connections(&self) -> Result<usize, Trouble> {
        let mut closed = 0;
        for connection in self.connections().await? {
            let name = connection["name"].as_str().unwrap_or_default();
            let path = format!("/api/connections/{}", name.replace(' ', "%20").replace('>', "%3E"));
            let answer = self
                .manage(Method::DELETE, &path)
                .header("X-Reason", "chaos")
                .send()
                .await?;
            closed += usize::from(answer.status().is_success());
        }
        Ok(closed)
    }

    /// How many consumers each queue has.
    pub async fn consumers(&self) -> Result<HashMap<String, u64>, Trouble> {
        let answer = self
            .manage(Method::GET, &format!("/api/consumers/{}", self.vhost))
            .send()
            .await?;
        let consumers: Vec<Value> = answer.error_for_status()?.json().await?;
        let mut counts = HashMap::new();
        for consumer in consumers {
            let queue = consumer["queue"]["name"].as_str().unwrap_or_default().to_owned();
            *counts.entry(queue).or_default() += 1;
        }
        Ok(counts)
    }

    /// Publishes a message to the exchange as an operator could; `false` if it reached no queue.
    pub async fn publish(&self, key: &str, body: &str) -> Result<bool, Trouble> {
        let path = format!("/api/exchanges/{}/platform-events/publish", self.vhost);
        let message = serde_json::json!({ "properties": { "delivery_mode": 2 }, "routing_key": key, "payload": body,
            "payload_encoding": "string" });
        let answer = self
            .manage(Method::POST, &path)
            .json(&message)
            .send()
            .await?
            .error_for_status()?;
        let said: Value = answer.json().await?;
        Ok(said["routed"] == true)
    }

    /// Ends every session of one database, or of all services' databases; returns how many.
    pub async fn terminate_backends(&self, database: Option<&str>) -> Result<usize, Trouble> {
        let ended: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where backend_type = 'client backend' and datname like '%\\_service' and ($1::text is null or datname = $1)",
        )
        .bind(database)
        .fetch_all(&self.postgres)
        .await?;
        Ok(ended.into_iter().filter(|ended| *ended).count())
    }

    /// Locks the inbox of one database for a while, so that deliveries stay in hand.
    pub async fn hold_inbox(&self, database: &str, how_long: Duration) -> Result<(), Trouble> {
        let options: PgConnectOptions = (*self.postgres.connect_options()).clone();
        let mut connection = PgConnection::connect_with(&options.database(database)).await?;
        sqlx::raw_sql("begin; lock table inbox in access exclusive mode")
            .execute(&mut connection)
            .await?;
        sleep(how_long).await;
        Ok(connection.close().await?)
    }

    /// A command to Redis, as its administrator. It must be one that is answered with OK.
    pub async fn redis(&self, command: &[&str]) -> Result<(), Trouble> {
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
            "" => Err(away(Server::Redis)),
            refusal => Err(Trouble::Platform(format!("Redis said: {refusal}"))),
        }
    }

    fn manage(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let (user, password) = &self.operator;
        self.http
            .request(method, format!("{}{path}", self.management))
            .basic_auth(user, Some(password))
    }

    async fn control(&self, server: Server, flag: &str) -> Result<(), Trouble> {
        let status = Command::new("s6-svc")
            .arg(flag)
            .arg(self.service(server))
            .status()
            .await?;
        if status.success() { Ok(()) } else { Err(away(server)) }
    }

    async fn until(&self, server: Server, is_so: impl Fn(Option<u32>) -> bool) -> Result<(), Trouble> {
        let obeys = until(CHANGE_LIMIT, || async { is_so(self.pid(server).await) }).await;
        let stubborn = || Trouble::Platform(format!("{} does not obey its supervisor", server.name()));
        obeys.map(drop).ok_or_else(stubborn)
    }

    fn service(&self, server: Server) -> PathBuf {
        self.run_dir.join("services").join(server.name())
    }
}

fn away(server: Server) -> Trouble {
    Trouble::Platform(format!("{} does not run", server.name()))
}

/// Address and password out of `redis://user:password@host:port/0`.
fn redis_access(url: &str) -> Result<(String, String), Trouble> {
    let unreadable = || Trouble::Platform("REDIS_URL cannot be read".to_owned());
    let (credentials, address) = url
        .strip_prefix("redis://")
        .and_then(|rest| rest.split_once('@'))
        .ok_or_else(unreadable)?;
    let (_, password) = credentials.split_once(':').ok_or_else(unreadable)?;
    let address = address.split('/').next().unwrap_or(address);
    Ok((address.to_owned(), password.to_owned()))
}
