//! Settings of this service alone. The common ones are read by [`shared::service`].

use shared::config::{ConfigError, Env};

/// What only this service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the payment provider is, e.g. `http://127.0.0.1:4010`.
    pub provider_url: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { provider_url: env.required("PROVIDER_URL")? })
    }
}
