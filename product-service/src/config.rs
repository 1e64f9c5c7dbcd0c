//! Settings of this service alone; there are none. The common ones are read by [`shared::service`].

use shared::config::{ConfigError, Env};

/// Nothing so far.
#[derive(Debug, Clone)]
pub struct Config {}

impl Config {
    /// Reads the environment.
    pub fn from_env(_env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {})
    }
}
