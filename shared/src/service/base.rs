//! What every service is given to build itself from.

use super::Settings;
use crate::{
    database::Database,
    http_client::{BaseUrl, ClientConfig, ResilientHttpClient},
    messaging::{broker::Broker, health::ConsumerHealth, retry::RetryPolicy},
};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Database, broker, HTTP clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Base {
    /// The service's name.
    pub name: &'static str,
    /// The service's own database, migrated.
    pub database: Database,
    pub(crate) broker: Broker,
    pub(crate) retries: RetryPolicy,
    clients: Arc<Mutex<Vec<ResilientHttpClient>>>,
    consumers: Arc<Mutex<BTreeMap<String, Arc<ConsumerHealth>>>>,
}

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The process cannot be told to stop.
    #[error("cannot watch for signals")]
    Signals(#[source] io::Error),
    /// The database refused a migration.
    #[error("the database cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database URL is wrong, or a start-up statement failed.
    #[error("the database cannot be used")]
    Database(#[from] sqlx::Error),
    /// Anything of the service's own.
    #[error(transparent)]
    Own(Box<dyn std::error::Error + Send + Sync>),
}

impl Base {
    pub(crate) fn new(name: &'static str, settings: &Settings) -> Result<Self, StartError> {
        Ok(Self {
            name,
            database: Database::new(&settings.database_url, name, settings.database_connections_max)?,
            broker: Broker::new(&settings.rabbitmq_url, name),
            retries: settings.retries.clone(),
            clients: Arc::default(),
            consumers: Arc::default(),
        })
    }

    /// A client of another service, with its own breaker under this name on the status page.
    pub fn http_client(&self, name: &'static str, base_url: BaseUrl) -> ResilientHttpClient {
        self.http_client_with(ClientConfig::new(name, base_url))
    }

    /// A client with its own limits.
    pub fn http_client_with(&self, config: ClientConfig) -> ResilientHttpClient {
        let client = ResilientHttpClient::new(config);
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(client.clone());
        client
    }

    /// How the consumer of `queue` is doing, also before it is started.
    pub fn consumer_health(&self, queue: &str) -> Arc<ConsumerHealth> {
        let mut consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            consumers
                .entry(queue.to_owned())
                .or_insert_with(|| ConsumerHealth::new(queue)),
        )
    }

    pub(crate) fn clients(&self) -> Vec<ResilientHttpClient> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn consumers(&self) -> Vec<Arc<ConsumerHealth>> {
        self.consumers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    pub(crate) async fn close(&self) {
        timeout(CLOSE_TIMEOUT, self.broker.close()).await.ok();
        timeout(CLOSE_TIMEOUT, self.database.close()).await.ok();
    }
}
