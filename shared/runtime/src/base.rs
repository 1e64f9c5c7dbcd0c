//! The parts that every service builds on: database, broker, HTTP clients.

use crate::{error::StartError, program::Program, settings::Settings};
use database::Database;
use http_client::{BaseUrl, ClientConfig, ResilientHttpClient};
use messaging::{RetryPolicy, broker::Broker, health::ConsumerHealth};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Database, broker and HTTP clients of one service. Cheap to clone; clones share all of it.
#[derive(Debug, Clone)]
pub struct Base {
    /// The service's program.
    pub program: Program,
    /// The service's own database, migrated.
    pub database: Database,
    pub(crate) broker: Broker,
    pub(crate) retries: RetryPolicy,
    clients: Arc<Mutex<Vec<ResilientHttpClient>>>,
    consumers: Arc<Mutex<BTreeMap<String, Arc<ConsumerHealth>>>>,
}

impl Base {
    /// Prepares the parts; nothing is connected yet.
    pub fn new(program: Program, settings: &Settings) -> Result<Self, StartError> {
        let database = Database::new(&settings.database_url, program.name, settings.database_connections_max)?;
        Ok(Self {
            program,
            database,
            broker: Broker::new(&settings.rabbitmq_url, program.name),
            retries: settings.retries.clone(),
            clients: Arc::default(),
            consumers: Arc::default(),
        })
    }

    /// Creates a client of another service, whose breaker stands under `name` on the status page.
    pub fn http_client(&self, name: &'static str, base_url: BaseUrl) -> ResilientHttpClient {
        self.http_client_with(ClientConfig::new(name, base_url))
    }

    /// Creates a client with limits of its own.
    pub fn http_client_with(&self, config: ClientConfig) -> ResilientHttpClient {
        let client = ResilientHttpClient::new(config);
        self.clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(client.clone());
        client
    }

    /// Returns the health of the consumer of `queue`, also before the consumer is started.
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
        let consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.values().cloned().collect()
    }

    pub(crate) async fn close(&self) {
        timeout(CLOSE_TIMEOUT, self.broker.close()).await.ok();
        timeout(CLOSE_TIMEOUT, self.database.close()).await.ok();
    }
}
