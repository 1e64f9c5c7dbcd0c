//! A database and a virtual host for one test.

use crate::{
    event_probe::EventProbe,
    operator::OPERATOR_TOKEN,
    service::{self, TestService},
    variable,
};
use kernel::id;
use messaging::RetryPolicy;
use rabbitmq::{Broker, Topology};
use runtime::{Base, Program, Service, Settings, StartError, arguments};
use sqlx::{Connection, PgConnection, migrate::Migrator};
use std::sync::Arc;
use uuid::Uuid;
use web::identity::{IdentitySigner, IdentityVerifier, OperatorToken, Role};

/// Short, so that a message that fails for good is a dead letter within a second.
const RETRY_DELAYS_MS: [u64; 2] = [100, 300];
const IDENTITY_KEY: &[u8] = include_bytes!("identity-key.pem");
/// The servers' side of one test.
pub struct TestEnv {
    /// URL of the test's own database, empty until a service has migrated it.
    pub database_url: String,
    /// URL of the test's own virtual host.
    pub rabbitmq_url: String,
    /// The management API, bound to the virtual host.
    pub broker: Broker,
    database: String,
    signer: IdentitySigner,
}

impl TestEnv {
    /// Creates a database, and a virtual host with these queues of the platform's topology.
    pub async fn new(queues: &[&str]) -> Self {
        Self::with_topology(Topology::load().expect("the topology file is right").only(queues)).await
    }

    /// Creates a database, and a virtual host with a topology of the test's own.
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

    /// Starts a service in this process and waits until it is ready and consumes. Call it twice for two instances.
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
        let service = self.start_unsubscribed(name, migrator, config, assemble).await;
        service.subscribed().await;
        service
    }

    /// Starts a service in this process and waits until it is ready, which it is also without the broker.
    pub async fn start_unsubscribed<C, A>(
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
        let program = Program {
            name,
            version: "0.0.0",
            about: "a service under test",
        };
        service::start(program, migrator, self.settings(), config, assemble).await
    }

    /// Returns the settings of a service in this environment. Its port is any free one.
    pub fn settings(&self) -> Settings {
        Settings {
            listen_addr: ([127, 0, 0, 1], 0).into(),
            database_url: self.database_url.clone(),
            database_connections_max: 16,
            rabbitmq_url: self.rabbitmq_url.clone(),
            identity: Arc::new(
                IdentityVerifier::from_jwks(self.signer.jwks().as_bytes()).expect("the signer's own key set"),
            ),
            operator_token: Arc::new(OperatorToken::new(OPERATOR_TOKEN)),
            retries: RetryPolicy::new(RETRY_DELAYS_MS),
        }
    }

    /// Parses a service's own configuration from these variables.
    pub fn config<C: clap::Args>(variables: &[(&str, &str)]) -> C {
        arguments::from_variables(variables).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Signs an `X-Identity` token as the gateway would.
    pub fn identity(&self, user_id: Uuid, role: Role) -> String {
        self.signer
            .sign(user_id, &format!("{user_id}@example.org"), role)
            .expect("a token can be signed")
    }

    /// Returns a probe that sees every event published from now on, and publishes events as other services would.
    pub async fn events(&self) -> EventProbe {
        EventProbe::new(&self.rabbitmq_url).await
    }
}

impl Drop for TestEnv {
    /// Deletes the database and the virtual host, on a thread of its own, since a drop cannot await.
    fn drop(&mut self) {
        let database = self.database.clone();
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&variable("TEST_POSTGRES_URL")).await?;
                let drop = format!("drop database if exists {database} with (force)");
                sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await?;
                // A client of its own: the test's client has connections of the test's runtime, which waits for this thread.
                Broker::new(&variable("TEST_RABBITMQ_MANAGEMENT_URL"), &database)?
                    .delete_vhost()
                    .await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        if !matches!(cleaning.join(), Ok(Ok(()))) {
            tracing::warn!(
                database = self.database,
                "A test left its database or virtual host behind"
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
