//! The variables that `make env` prints.

use crate::{description::Service, error::HarnessError};
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::{collections::HashMap, fmt, path::PathBuf, sync::Arc, time::Duration};

const ACQUIRE_LIMIT: Duration = Duration::from_secs(15);

/// Addresses and credentials of a running platform.
#[derive(Clone)]
pub struct Environment {
    variables: Arc<HashMap<String, String>>,
}

impl Environment {
    /// Takes the variables of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "it stands outside the platform, as any client does"
    )]
    pub fn of_process() -> Self {
        Self {
            variables: Arc::new(std::env::vars().collect()),
        }
    }

    /// A variable, such as `GATEWAY_URL`.
    pub fn get(&self, name: &str) -> Result<&str, HarnessError> {
        self.variables
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| HarnessError::Variable(name.to_owned()))
    }

    /// The folder of local mode's processes, their settings and logs.
    pub fn run_dir(&self) -> Result<PathBuf, HarnessError> {
        Ok(self.get("RUN_DIR")?.into())
    }

    /// A lazily connected pool for a service's database.
    pub fn database(&self, service: &Service) -> Result<PgPool, HarnessError> {
        self.pool(&service.database_variable())
    }

    /// A lazily connected pool for the database whose URL is this variable.
    pub fn pool(&self, variable: &str) -> Result<PgPool, HarnessError> {
        let options = PgPoolOptions::new().max_connections(2).acquire_timeout(ACQUIRE_LIMIT);
        Ok(options.connect_lazy(self.get(variable)?)?)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values contain passwords.
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
