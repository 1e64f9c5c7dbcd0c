//! Access to the sources of the evidence: databases, broker, provider log, mails and the clients' history.

use platform_client::{HarnessError, broker::Broker, description::services, environment::Environment};
use sqlx::PgPool;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

#[derive(Debug, Clone)]
pub(crate) struct EvidenceQuery {
    databases: BTreeMap<&'static str, PgPool>,
    pub(super) broker: Broker,
    pub(super) provider_log: PathBuf,
    pub(super) mails: PathBuf,
    pub(super) history: PathBuf,
}

impl EvidenceQuery {
    /// Takes addresses from `make env`, and the file of the clients' history. Connects later.
    pub(crate) fn new(environment: &Environment, history: &Path) -> Result<Self, HarnessError> {
        let pools = services()
            .iter()
            .map(|service| Ok((&*service.name, environment.database(service)?)));
        Ok(Self {
            databases: pools.collect::<Result<_, HarnessError>>()?,
            broker: Broker::new(environment)?,
            provider_log: environment.get("PROVIDER_LOG")?.into(),
            mails: environment.get("MAIL_DIR")?.into(),
            history: history.to_owned(),
        })
    }

    /// The database of a service.
    pub(super) fn database(&self, service: &str) -> &PgPool {
        &self.databases[service]
    }
}
