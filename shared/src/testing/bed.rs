//! A database and a virtual host for one test.

use super::{EventProbe, TestService, service, variable};
use crate::{
    config::{ConfigError, Env},
    id,
    identity::{IdentitySigner, IdentityVerifier, OperatorToken, Role},
    messaging::retry::RetryPolicy,
    service::{Base, Service, Settings, StartError},
};
use rabbitmq::{Broker, Topology};
use sqlx::{Connection, PgConnection, migrate::Migrator};
use std::sync::Arc;
use uuid::Uuid;

/// Short, so that a message that fails for good is a dead letter within a second.
const RETRY_DELAYS_MS: [u64; 2] = [100, 300];
const IDENTITY_KEY: &[u8] = include_bytes!("identity-key.pem");
/// The operator token of every service under test.
pub(super) const OPERATOR_TOKEN: &str = "operator-token-of-tests";

/// Where the services of one test live.
pub struct TestBed {
    /// The test's own database, empty until a service has migrated it.
    pub database_url: String,
    /// The test's own virtual host.
    pub rabbitmq_url: String,
    /// The management API, bound to the virtual host.
    pub broker: Broker,
    database: String,
    signer: IdentitySigner,
}

impl TestBed {
    /// A new database, and a virtual host with these queues of the platform's topology.
    pub async fn new(queues: &[&str]) -> Self {
        Self::with_topology(Topology::load().expect("the topology file is right").only(queues)).await
    }

    /// A new database, and a virtual host with a topology of the test's own.
    pub async fn with_topology(topology: Topology) -> Self {
        let name = format!("test_{}", id::new().simple());
        let server = variable("TEST_POSTGRES_URL");
        let mut admin = PgConnection::connect(&server).await.expect("PostgreSQL answers");
        let create = format!("create database {name}");
        sqlx::query(sqlx::AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .expect("a database can be made");
        let broker = Broker::new(&variable("TEST_RABBITMQ_MANAGEMENT_URL"), &name).expect("a management URL");
        let topology = topology.with_retry_delays_ms(&RETRY_DELAYS_MS);
        broker
            .apply(&topology, None)
            .await
            .expect("the topology can be applied");
        Self {
            database_url: with_database(&server, &name),
            rabbitmq_url: format!("{}/{name}", variable("TEST_RABBITMQ_URL")),
            broker,
            database: name,
            signer: IdentitySigner::from_pem(IDENTITY_KEY).expect("the key of tests is a key"),
        }
    }

    /// Starts a service in this process and waits until it is ready. Call it twice for two instances.
    pub async fn start<C, A>(
        &self,
        name: &'static str,
        migrator: &'static Migrator,
        config: C,
        assemble: A,
    ) -> TestService
    where
        C: Send + 'static,
        A: AsyncFnOnce(C, Base) -> Result<Service, StartError> + Send + 'static,
    {
        service::start(name, migrator, self.settings(), config, assemble).await
    }

    /// Settings of a service in this bed. Its address is any free port.
    pub fn settings(&self) -> Settings {
        Settings {
            listen_addr: ([127, 0, 0, 1], 0).into(),
            database_url: self.database_url.clone(),
            database_connections_max: 16,
            rabbitmq_url: self.rabbitmq_url.clone(),
            identity: Arc::new(IdentityVerifier::from_jwks(self.signer.jwks().as_bytes()).expect("our own key set")),
            operator_token: Arc::new(OperatorToken::new(OPERATOR_TOKEN)),
            retries: RetryPolicy::new(RETRY_DELAYS_MS),
            log: "info".to_owned(),
        }
    }

    /// Reads a service's own configuration from these variables.
    pub fn config<C>(read: fn(&Env) -> Result<C, ConfigError>, variables: &[(&str, &str)]) -> C {
        read(&Env::from_pairs(variables.iter().copied())).expect("the configuration of the test is right")
    }

    /// An `X-Identity` token as the gateway would sign it.
    pub fn identity(&self, user_id: Uuid, role: Role) -> String {
        self.signer
            .sign(user_id, &format!("{user_id}@example.org"), role)
            .expect("a token can be signed")
    }

    /// Sees every event that is published from now on, and publishes events as other services would.
    pub async fn events(&self) -> EventProbe {
        EventProbe::new(&self.rabbitmq_url).await
    }
}

impl Drop for TestBed {
    /// On a thread of its own, since dropping cannot wait.
    fn drop(&mut self) {
        let database = self.database.clone();
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&variable("TEST_POSTGRES_URL")).await?;
                let drop = format!("drop database if exists {database} with (force)");
                sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await?;
                // The bed's own has connections that belong to the test's runtime, which waits for us.
                Broker::new(&variable("TEST_RABBITMQ_MANAGEMENT_URL"), &database)?
                    .delete_vhost()
                    .await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        if !matches!(cleaning.join(), Ok(Ok(()))) {
            tracing::warn!(
                database = self.database,
                "a test has left its database or virtual host behind"
            );
        }
    }
}

fn with_database(server: &str, database: &str) -> String {
    let (start, _) = server
        .rsplit_once('/')
        .expect("TEST_POSTGRES_URL ends with a database name");
    format!("{start}/{database}")
}
