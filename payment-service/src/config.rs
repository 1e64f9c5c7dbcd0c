//! Settings of this service alone. The common ones are read by [`shared::service`].

use shared::{
    config::{ConfigError, Env},
    http_client::BaseUrl,
};
use std::time::Duration;

/// What only this service needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// `PROVIDER_URL`: where the payment provider is.
    pub provider_url: BaseUrl,
    /// `PROVIDER_TIMEOUT_MS`: how long one call to it may take before its outcome is unknown; 3000 where absent.
    pub provider_timeout: Duration,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            provider_url: env.required("PROVIDER_URL")?,
            provider_timeout: Duration::from_millis(env.or("PROVIDER_TIMEOUT_MS", 3_000)?),
        })
    }
}
