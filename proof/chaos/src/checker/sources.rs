//! Where the evidence is.

use reqwest::{Client, Url};
use serde::de::DeserializeOwned;
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::PathBuf,
    time::Duration,
};

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A service as it is seen from outside: its database, its queue, and the word with which its events begin.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) database: &'static str,
    pub(super) queue: Option<&'static str>,
    pub(super) entity: Option<&'static str>,
}

const fn service(
    name: &'static str,
    database: &'static str,
    queue: Option<&'static str>,
    entity: Option<&'static str>,
) -> Service {
    Service {
        name,
        database,
        queue,
        entity,
    }
}

pub(super) const SERVICES: [Service; 6] = [
    service("user-service", "USER_DATABASE_URL", None, Some("user")),
    service(
        "order-service",
        "ORDER_DATABASE_URL",
        Some("order-queue"),
        Some("order"),
    ),
    service(
        "product-service",
        "PRODUCT_DATABASE_URL",
        Some("inventory-queue"),
        Some("inventory"),
    ),
    service(
        "payment-service",
        "PAYMENT_DATABASE_URL",
        Some("payment-queue"),
        Some("payment"),
    ),
    service(
        "notification-service",
        "NOTIFICATION_DATABASE_URL",
        Some("notification-queue"),
        None,
    ),
    service(
        "analytics-service",
        "ANALYTICS_DATABASE_URL",
        Some("analytics-queue"),
        None,
    ),
];

/// Where the evidence is: the databases, the broker, the provider's log, the mails and the clients' history. Not to be
/// printed: there are passwords in it.
#[derive(Clone)]
pub struct Sources {
    databases: BTreeMap<&'static str, PgPool>,
    broker: Management,
    pub(super) provider_log: PathBuf,
    pub(super) mails: PathBuf,
    pub(super) history: PathBuf,
}

/// Why the evidence cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A variable of `make env` is missing.
    #[error("{0} is not among the variables; `make env` prints it")]
    Variable(&'static str),
    /// An address that is none.
    #[error("{0} is not an address")]
    Address(String),
    /// A database.
    #[error("a database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// The broker's management API.
    #[error("the broker cannot be asked: {0}")]
    Broker(#[from] reqwest::Error),
    /// A file.
    #[error("{path} cannot be read: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a file that is not what it should be.
    #[error("line {line} of {path} cannot be read: {source}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
}

impl Sources {
    /// From the variables that `make env` prints and the file of the clients' history. Needs a runtime; connects later.
    pub fn new(variables: &HashMap<String, String>, history: impl Into<PathBuf>) -> Result<Self, CheckError> {
        let variable = |name: &'static str| variables.get(name).ok_or(CheckError::Variable(name));
        let mut databases = BTreeMap::new();
        for service in &SERVICES {
            let options = PgPoolOptions::new().max_connections(2).acquire_timeout(ACQUIRE_TIMEOUT);
            databases.insert(service.name, options.connect_lazy(variable(service.database)?)?);
        }
        Ok(Self {
            databases,
            broker: Management::new(&variable)?,
            provider_log: variable("PROVIDER_LOG")?.into(),
            mails: variable("MAIL_DIR")?.into(),
            history: history.into(),
        })
    }

    /// The database of one of [`SERVICES`].
    pub(super) fn database(&self, service: &'static str) -> &PgPool {
        &self.databases[service]
    }

    /// What the broker lists of a kind: `queues`, `bindings`.
    pub(super) async fn list<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, CheckError> {
        self.broker.list(kind).await
    }
}

/// The broker's management API, seen as its operator.
#[derive(Clone)]
struct Management {
    client: Client,
    url: Url,
    user: String,
    password: String,
    vhost: String,
}

impl Management {
    #[expect(
        clippy::disallowed_methods,
        reason = "it stands outside the platform, as any client does"
    )]
    fn new<'a>(variable: &impl Fn(&'static str) -> Result<&'a String, CheckError>) -> Result<Self, CheckError> {
        let url = variable("RABBITMQ_MANAGEMENT_URL")?;
        Ok(Self {
            client: Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?,
            url: url.parse().map_err(|_| CheckError::Address(url.clone()))?,
            user: variable("RABBITMQ_OPERATOR_USER")?.clone(),
            password: variable("RABBITMQ_OPERATOR_PASSWORD")?.clone(),
            vhost: variable("RABBITMQ_VHOST")?.clone(),
        })
    }

    async fn list<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, CheckError> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| CheckError::Address(self.url.to_string()))?
            .extend(["api", kind, &self.vhost]);
        let request = self.client.get(url).basic_auth(&self.user, Some(&self.password));
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}
